//! The grammar of the directives.

use std::{collections::BTreeMap, time::Duration};

use super::{Directives, IdTokenFault, LinkRule, Outcome, SignIn};
use crate::{
    faults::{Call, Failure, Fault, FaultRule, Refusal, Times},
    wording::{NoError, Style},
};

const OPENING: &str = "[sim:";
const OPTIONS: [&str; 3] = ["times", "retry_after", "code"];
const LONGEST_SECONDS: f64 = 86_400.0;
const DEFAULT_FAILURE_CODE: &str = "generation_failed";

/// A directive that the simulator does not understand.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the simulation directive [sim:{directive}] {reason}")]
pub(crate) struct InvalidDirective {
    directive: String,
    reason: String,
}

pub(super) fn directives(text: &str) -> Result<Directives, InvalidDirective> {
    let (bodies, _) = split(text)?;
    let mut directives = Directives::default();
    for body in bodies {
        apply(&mut directives, body).map_err(|reason| InvalidDirective { directive: body.to_owned(), reason })?;
    }
    Ok(directives)
}

/// The bodies of the directives (between `[sim:` and `]`), and the text without them.
pub(super) fn split(text: &str) -> Result<(Vec<&str>, String), InvalidDirective> {
    let mut bodies = Vec::new();
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(OPENING) {
        let (body, after) = after.split_once(']').ok_or_else(|| InvalidDirective {
            directive: after.chars().take(40).collect(),
            reason: "has no closing bracket".to_owned(),
        })?;
        plain.push_str(before);
        bodies.push(body);
        rest = after;
    }
    plain.push_str(rest);
    Ok((bodies, plain))
}

fn apply(directives: &mut Directives, body: &str) -> Result<(), String> {
    let mut clause = Clause::parse(body)?;
    match clause.name {
        "duration" => directives.duration = Some(seconds(&clause.value)?),
        "queue" => directives.queue = Some(seconds(&clause.value)?),
        "slow" => directives.slow = seconds(&clause.value)?,
        "stuck" if clause.value.is_empty() => directives.outcome = Outcome::Stuck,
        "stuck" => return Err("takes no value".to_owned()),
        "fail" => directives.outcome = Outcome::Fail(failure(&mut clause)?),
        "word" if clause.value.is_empty() => return Err("needs a value".to_owned()),
        "word" => directives.wording.word = Some(clause.value.clone()),
        "style" => directives.wording.styles.push(Style::parse(&clause.value).ok_or("names a style that there is not")?),
        "no_error" => {
            let value = NoError::parse(&clause.value);
            directives.wording.no_error = Some(value.ok_or("names a value that there is not")?);
        }
        "submit" => directives.faults.push(fault_rule(Call::Submit, &mut clause)?),
        "poll" => directives.faults.push(fault_rule(Call::Poll, &mut clause)?),
        "content" => directives.faults.push(fault_rule(Call::Content, &mut clause)?),
        "delete" => directives.faults.push(fault_rule(Call::Delete, &mut clause)?),
        "link" => {
            let times = times(&mut clause, Times::Always)?;
            directives.link = Some(LinkRule { life: seconds(&clause.value)?, times });
        }
        "google_discovery" => directives.faults.push(fault_rule(Call::GoogleDiscovery, &mut clause)?),
        "google_keys" => directives.faults.push(fault_rule(Call::GoogleKeys, &mut clause)?),
        "google_token" => directives.faults.push(fault_rule(Call::GoogleToken, &mut clause)?),
        "wechat" => directives.faults.push(fault_rule(Call::WeChatSession, &mut clause)?),
        _ => sign_in(&mut directives.sign_in, &clause)?,
    }
    match clause.options.keys().next() {
        Some(option) => Err(format!("does not take the option {option}")),
        None => Ok(()),
    }
}

fn sign_in(sign_in: &mut SignIn, clause: &Clause<'_>) -> Result<(), String> {
    let text = || if clause.value.is_empty() { Err("needs a value".to_owned()) } else { Ok(Some(clause.value.clone())) };
    match clause.name {
        "subject" => sign_in.subject = text()?,
        "name" => sign_in.name = text()?,
        "nonce" => sign_in.nonce = text()?,
        "redirect_uri" => sign_in.redirect_uri = text()?,
        "unionid" => sign_in.unionid = text()?,
        "unverified" if clause.value.is_empty() => sign_in.unverified = true,
        "unverified" => return Err("takes no value".to_owned()),
        "errcode" => sign_in.errcode = Some(clause.value.parse().map_err(|_| "needs a number".to_owned())?),
        "id_token" => {
            let fault = IdTokenFault::parse(&clause.value);
            sign_in.id_token = Some(fault.ok_or("names a fault that an ID token does not have")?);
        }
        _ => return Err("has an unknown name".to_owned()),
    }
    Ok(())
}

struct Clause<'a> {
    name: &'a str,
    value: String,
    options: BTreeMap<&'a str, &'a str>,
}

impl<'a> Clause<'a> {
    fn parse(body: &'a str) -> Result<Self, String> {
        let mut words = body.split_whitespace();
        let (name, value) = words.next().map_or(("", ""), |word| word.split_once('=').unwrap_or((word, "")));
        let mut clause = Self { name, value: value.to_owned(), options: BTreeMap::new() };
        for word in words {
            match word.split_once('=').filter(|(name, _)| OPTIONS.contains(name)) {
                Some((name, value)) => {
                    if clause.options.insert(name, value).is_some() {
                        return Err(format!("has the option {name} twice"));
                    }
                }
                None => {
                    if !clause.value.is_empty() {
                        clause.value.push(' ');
                    }
                    clause.value.push_str(word);
                }
            }
        }
        Ok(clause)
    }
}

fn seconds(value: &str) -> Result<Duration, String> {
    value
        .parse::<f64>()
        .ok()
        .filter(|seconds| (0.0..=LONGEST_SECONDS).contains(seconds))
        .map(Duration::from_secs_f64)
        .ok_or_else(|| format!("needs seconds from 0 to {LONGEST_SECONDS}"))
}

fn failure(clause: &mut Clause<'_>) -> Result<Failure, String> {
    if clause.value.is_empty() {
        return Err("needs a reason".to_owned());
    }
    let code = clause.options.remove("code").unwrap_or(DEFAULT_FAILURE_CODE);
    Ok(Failure { code: code.to_owned(), message: clause.value.clone() })
}

fn fault_rule(call: Call, clause: &mut Clause<'_>) -> Result<FaultRule, String> {
    let times = times(clause, Times::Exactly(1))?;
    Ok(FaultRule { call, fault: fault(call, clause)?, times })
}

fn times(clause: &mut Clause<'_>, default: Times) -> Result<Times, String> {
    match clause.options.remove("times") {
        None => Ok(default),
        Some("always") => Ok(Times::Always),
        Some(number) => Ok(Times::Exactly(number.parse().map_err(|_| "needs a number or always in times".to_owned())?)),
    }
}

fn fault(call: Call, clause: &mut Clause<'_>) -> Result<Fault, String> {
    let refusal = match clause.options.get("code") {
        Some(code) if matches!(call, Call::Submit | Call::Poll | Call::Delete) => {
            Some(Refusal::parse(code).ok_or("names a code that there is not")?)
        }
        _ => None,
    };
    if let Ok(status) = clause.value.parse::<u16>() {
        if let Some(refusal) = refusal.filter(|_| status == 200 || (400..=599).contains(&status)) {
            clause.options.remove("code");
            return Ok(Fault::Refusal { status, refusal });
        }
        if !(400..=599).contains(&status) {
            return Err("needs a status from 400 to 599".to_owned());
        }
        let retry_after = match clause.options.remove("retry_after") {
            Some(number) => Some(number.parse().map_err(|_| "needs whole seconds in retry_after".to_owned())?),
            None => None,
        };
        return Ok(Fault::Status { status, retry_after });
    }
    let of_sign_in = matches!(call, Call::GoogleDiscovery | Call::GoogleKeys | Call::GoogleToken | Call::WeChatSession);
    match (call, clause.value.as_str()) {
        (_, "malformed") if of_sign_in => Ok(Fault::Malformed),
        (_, "garbage") if of_sign_in => Ok(Fault::Garbage),
        (_, "cut") if of_sign_in => Ok(Fault::CutBefore),
        (Call::Submit | Call::Poll | Call::Delete, "malformed") => Ok(Fault::Malformed),
        (Call::Submit | Call::Delete, "cut-before") | (Call::Poll, "cut") => Ok(Fault::CutBefore),
        (Call::Submit | Call::Delete, "cut-after") => Ok(Fault::CutAfter),
        (Call::Poll, "unknown") => Ok(Fault::UnknownStatus),
        (Call::Content, "cut") => Ok(Fault::CutHalfway),
        (Call::Content, "garbage") => Ok(Fault::Garbage),
        _ => Err("names a fault that this call does not have".to_owned()),
    }
}
