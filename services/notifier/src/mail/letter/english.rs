use chrono::{DateTime, Utc};
use zoetrope_domain::Language;

use super::{Action, Brand, Letter, amount::amount};
use crate::mail::Content;

pub(super) fn letter(content: &Content, brand: &Brand) -> Letter {
    let product = &brand.product;
    let letter = |subject: String, opening: String| Letter {
        language: Language::English,
        subject,
        opening,
        code: None,
        facts: Vec::new(),
        action: None,
        note: None,
        footer: format!("This mail was sent by {product}: {}", brand.front_end),
    };
    match content {
        Content::SignInCode { code, valid_minutes } => Letter {
            code: Some(code.clone()),
            note: Some("If you did not ask for it, ignore this mail: without the code nobody can sign in.".to_owned()),
            ..letter(
                format!("Your {product} sign-in code"),
                format!("Use this code to sign in to {product}. It is valid for {}.", minutes(*valid_minutes)),
            )
        },
        Content::PasswordReset { link, valid_minutes } => Letter {
            action: Some(Action { label: "Choose a new password", url: link.clone() }),
            note: Some("If it was not you, ignore this mail: your password stays as it is.".to_owned()),
            ..letter(
                format!("Reset your {product} password"),
                format!(
                    "Somebody asked to reset the password of your account. If it was you, open this link. It works once, within {}.",
                    minutes(*valid_minutes)
                ),
            )
        },
        Content::PasswordChanged => Letter {
            note: Some("If it was not you, reset your password at once.".to_owned()),
            ..letter(format!("Your {product} password was changed"), "The password of your account was changed.".to_owned())
        },
        Content::Receipt { order_number, credits, amount: paid, currency, paid_at } => Letter {
            facts: vec![
                ("Order", order_number.clone()),
                ("Credits", credits.to_string()),
                ("Amount", amount(*paid, currency)),
                ("Paid", moment(*paid_at)),
            ],
            ..letter(
                format!("Your receipt for order {order_number}"),
                "Thank you for your payment. The credits are in your account.".to_owned(),
            )
        },
        Content::ExpiryReminder { plan, expires_at } => Letter {
            facts: vec![("Plan", plan.clone()), ("Ends", moment(*expires_at))],
            action: Some(Action { label: "Renew it", url: brand.front_end.clone() }),
            ..letter(
                format!("Your {plan} plan is about to end"),
                format!("Your plan at {product} is about to end. Renew it in time to go on without a break."),
            )
        },
        Content::VideoReady { task_id } => Letter {
            action: Some(Action { label: "Watch it", url: brand.video(*task_id) }),
            note: Some("You get this mail because you turned it on; the notification preferences turn it off again.".to_owned()),
            ..letter("Your video is ready".to_owned(), "The video that you asked for is ready.".to_owned())
        },
        Content::AddressConfirmation { link, valid_hours } => Letter {
            action: Some(Action { label: "Confirm the address", url: link.clone() }),
            note: Some("If it was not you, ignore this mail and confirm nothing.".to_owned()),
            ..letter(
                format!("Confirm your address for {product}"),
                format!(
                    "Somebody gave this address for an account at {product}. If it was you, open this link and confirm it within {}.",
                    hours(*valid_hours)
                ),
            )
        },
        Content::AddressChangeAsked => Letter {
            note: Some(
                "If it was not you, change or reset your password at once: that makes the link void, and signs you out everywhere else."
                    .to_owned(),
            ),
            ..letter(
                format!("The address of your {product} account is about to be changed"),
                "Somebody asked for another e-mail address for your account. Until the link is opened that was mailed there, nothing changes."
                    .to_owned(),
            )
        },
        Content::AddressChanged => Letter {
            note: Some(
                "If it was not you, sign in with your user name at once and change your password, which signs you out everywhere else. \
                 Then change the address back. If you cannot sign in, ask those who run the service for help."
                    .to_owned(),
            ),
            ..letter(
                format!("The address of your {product} account was changed"),
                "Your account has another e-mail address now. Mail about it no longer comes to this one.".to_owned(),
            )
        },
        Content::EndpointDisabled { url } => Letter {
            facts: vec![("Address", url.clone())],
            ..letter(
                "A webhook endpoint was disabled".to_owned(),
                "Your webhook endpoint has failed for too long, so nothing is sent to it any more. Enable it again once it works."
                    .to_owned(),
            )
        },
    }
}

fn minutes(count: u32) -> String {
    if count == 1 { "1 minute".to_owned() } else { format!("{count} minutes") }
}

fn hours(count: u32) -> String {
    if count == 1 { "1 hour".to_owned() } else { format!("{count} hours") }
}

fn moment(moment: DateTime<Utc>) -> String {
    moment.format("%-d %B %Y, %H:%M UTC").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_minute_is_no_plural() {
        assert_eq!((minutes(1).as_str(), minutes(10).as_str()), ("1 minute", "10 minutes"));
    }
}
