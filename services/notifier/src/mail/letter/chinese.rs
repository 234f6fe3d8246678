use chrono::{DateTime, Utc};
use zoetrope_domain::Language;

use super::{Action, Brand, Letter, amount::amount};
use crate::mail::Content;

pub(super) fn letter(content: &Content, brand: &Brand) -> Letter {
    let product = &brand.product;
    let letter = |subject: String, opening: String| Letter {
        language: Language::Chinese,
        subject,
        opening,
        code: None,
        facts: Vec::new(),
        action: None,
        note: None,
        footer: format!("此邮件由 {product} 自动发送：{}", brand.front_end),
    };
    match content {
        Content::SignInCode { code, valid_minutes } => Letter {
            code: Some(code.clone()),
            note: Some("如果这不是您本人的操作，请忽略此邮件：没有验证码，任何人都无法登录。".to_owned()),
            ..letter(
                format!("您的 {product} 登录验证码"),
                format!("请使用以下验证码登录 {product}，{valid_minutes} 分钟内有效。"),
            )
        },
        Content::PasswordReset { link, valid_minutes } => Letter {
            action: Some(Action { label: "设置新密码", url: link.clone() }),
            note: Some("如果这不是您本人的操作，请忽略此邮件，您的密码不会改变。".to_owned()),
            ..letter(
                format!("重置您的 {product} 密码"),
                format!(
                    "我们收到了重置您账户密码的请求。如果是您本人操作，请打开以下链接。链接仅可使用一次，{valid_minutes} 分钟内有效。"
                ),
            )
        },
        Content::PasswordChanged => Letter {
            note: Some("如果这不是您本人的操作，请立即重置密码。".to_owned()),
            ..letter(format!("您的 {product} 密码已更改"), "您账户的密码已更改。".to_owned())
        },
        Content::Receipt { order_number, credits, amount: paid, currency, paid_at } => Letter {
            facts: vec![
                ("订单号", order_number.clone()),
                ("积分", credits.to_string()),
                ("金额", amount(*paid, currency)),
                ("支付时间", moment(*paid_at)),
            ],
            ..letter(format!("订单 {order_number} 的收据"), "感谢您的支付，积分已存入您的账户。".to_owned())
        },
        Content::ExpiryReminder { plan, expires_at } => Letter {
            facts: vec![("套餐", plan.clone()), ("到期时间", moment(*expires_at))],
            action: Some(Action { label: "立即续订", url: brand.front_end.clone() }),
            ..letter(format!("您的 {plan} 套餐即将到期"), format!("您在 {product} 的套餐即将到期。请及时续订，以免中断使用。"))
        },
        Content::VideoReady { task_id } => Letter {
            action: Some(Action { label: "观看视频", url: brand.video(*task_id) }),
            note: Some("您收到此邮件是因为您开启了该通知，可在通知设置中关闭。".to_owned()),
            ..letter("您的视频已生成".to_owned(), "您提交的视频已生成完毕。".to_owned())
        },
        Content::AddressConfirmation { link, valid_hours } => Letter {
            action: Some(Action { label: "确认邮箱地址", url: link.clone() }),
            note: Some("如果这不是您本人的操作，请忽略此邮件，不要确认。".to_owned()),
            ..letter(
                format!("确认您的 {product} 邮箱地址"),
                format!("有人在 {product} 的账户中填写了此邮箱地址。如果是您本人操作，请在 {valid_hours} 小时内打开以下链接并确认。"),
            )
        },
        Content::AddressChangeAsked => Letter {
            note: Some(
                "如果这不是您本人的操作，请立即更改或重置密码：该链接将随之失效，您在其他设备上的登录也会退出。".to_owned(),
            ),
            ..letter(
                format!("您的 {product} 账户邮箱地址即将更改"),
                "有人请求更改您账户的邮箱地址。在发送到新地址的链接被打开之前，不会有任何更改。".to_owned(),
            )
        },
        Content::AddressChanged => Letter {
            note: Some(
                "如果这不是您本人的操作，请立即使用用户名登录并更改密码，其他设备上的登录将随之退出；然后请改回邮箱地址。如果无法登录，请联系服务的运营者。"
                    .to_owned(),
            ),
            ..letter(
                format!("您的 {product} 账户邮箱地址已更改"),
                "您的账户现在使用另一个邮箱地址，与账户有关的邮件不再发送到此地址。".to_owned(),
            )
        },
        Content::EndpointDisabled { url } => Letter {
            facts: vec![("地址", url.clone())],
            ..letter(
                "Webhook 端点已停用".to_owned(),
                "由于您的 Webhook 端点长时间投递失败，我们已停止向其发送事件。恢复正常后，请重新启用。".to_owned(),
            )
        },
    }
}

fn moment(moment: DateTime<Utc>) -> String {
    moment.format("%Y年%-m月%-d日 %H:%M（UTC）").to_string()
}
