use std::time::Duration;

use anyhow::Context;
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value;

use super::{
    FederationError, WeChatSettings,
    calls::{CallError, Calls},
    subject::subject,
};
use crate::rules::linking::{Identity, Provider};

const SERVICE: &str = "wechat";
/// Seconds. WeChat counts by the minute.
const TOO_OFTEN_SECONDS: u64 = 60;

/// Sign-in of a WeChat mini-program.
pub struct WeChat {
    address: Url,
    app_id: String,
    secret: SecretString,
    calls: Calls,
}

/// What WeChat says of a code. There is a `session_key` in it too, which opens what the user has encrypted: it is not even read.
#[derive(Debug, Default, Deserialize)]
struct Said {
    #[serde(default)]
    errcode: Value,
    #[serde(default)]
    openid: Value,
    #[serde(default)]
    unionid: Value,
}

impl WeChat {
    pub fn new(settings: &WeChatSettings) -> anyhow::Result<Self> {
        let mut address: Url = settings.base_url.parse().context("wechat.base_url is not an address")?;
        let web = matches!(address.scheme(), "http" | "https");
        anyhow::ensure!(web, "wechat.base_url is not an http or https address");
        address
            .path_segments_mut()
            .ok()
            .context("wechat.base_url is not an address")?
            .pop_if_empty()
            .extend(["sns", "jscode2session"]);
        Ok(Self {
            address,
            app_id: settings.app_id.clone(),
            secret: settings.secret.clone(),
            calls: Calls::new(SERVICE, Duration::from_secs(settings.timeout_seconds.get().into()))?,
        })
    }

    /// Who brings this code.
    pub async fn vouch(&self, code: &str) -> Result<Vec<Identity>, FederationError> {
        let mut address = self.address.clone();
        address
            .query_pairs_mut()
            .append_pair("appid", &self.app_id)
            .append_pair("secret", self.secret.expose_secret())
            .append_pair("js_code", code)
            .append_pair("grant_type", "authorization_code");
        let answer = self.calls.get(address).await.map_err(away)?;
        let is_success = answer.status().is_success();
        // It calls itself text.
        let said = serde_json::from_slice(answer.body());
        judge(said.map_err(|_| away(if is_success { CallError::NotUnderstood } else { CallError::OtherService }))?)
    }
}

fn judge(said: Said) -> Result<Vec<Identity>, FederationError> {
    let Said { errcode, openid, unionid } = said;
    let told = match &errcode {
        Value::Null => Some(0),
        Value::String(text) => text.parse().ok(),
        number => number.as_i64(),
    };
    let errcode = told.ok_or_else(|| refused(0, "WeChat's answer names no error that there is"))?;
    match errcode {
        0 => {
            let openid = openid.as_str().and_then(subject).ok_or_else(|| refused(0, "WeChat does not say who it is"))?;
            let own = Identity { provider: Provider::WeChat, subject: openid };
            let union = match &unionid {
                Value::Null => None,
                Value::String(text) if text.is_empty() => None,
                told => Some(told.as_str().and_then(subject).ok_or_else(|| refused(0, "WeChat's word for the person is none"))?),
            };
            let union = union.map(|subject| Identity { provider: Provider::WeChatUnion, subject });
            Ok([own].into_iter().chain(union).collect())
        }
        // "Please try again later."
        -1 => Err(away(CallError::Status { status: 200, retry_after: Some(1) })),
        // Not a code, or one that has expired; one that was used; none at all.
        40029 | 40163 | 41008 => Err(refused(errcode, "WeChat does not take the code")),
        40226 => Err(FederationError::Blocked),
        45011 => Err(FederationError::TooOften(TOO_OFTEN_SECONDS)),
        _ => Err(FederationError::Misconfigured { service: SERVICE, reason: format!("errcode {errcode}") }),
    }
}

fn away(source: CallError) -> FederationError {
    FederationError::away(SERVICE, source)
}

fn refused(errcode: i64, reason: &'static str) -> FederationError {
    tracing::info!(errcode, reason, "a sign-in with WeChat was refused");
    FederationError::Refused(reason)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn judged(said: Value) -> Result<Vec<(Provider, String)>, FederationError> {
        let identities = judge(serde_json::from_value(said).unwrap())?;
        Ok(identities.into_iter().map(|identity| (identity.provider, identity.subject)).collect())
    }

    #[test]
    fn the_user_is_known_by_one_or_two_names() {
        let own = || (Provider::WeChat, "o1".to_owned());
        assert_eq!(judged(json!({ "openid": "o1", "session_key": "k" })).unwrap(), [own()]);
        let both = judged(json!({ "openid": "o1", "unionid": "u1", "errcode": 0, "errmsg": "" })).unwrap();
        assert_eq!(both, [own(), (Provider::WeChatUnion, "u1".to_owned())]);
    }

    #[test]
    fn errors_are_told_apart() {
        let error = |errcode: i64| judged(json!({ "errcode": errcode, "errmsg": "…, rid: 1" })).unwrap_err();
        for code in [40029, 40163, 41008] {
            assert!(matches!(error(code), FederationError::Refused(_)), "{code}");
        }
        assert!(matches!(error(-1), FederationError::Away { retry_after: 1, .. }));
        assert!(matches!(error(45011), FederationError::TooOften(60)));
        assert!(matches!(error(40226), FederationError::Blocked));
        for code in [40013, 40125, 1] {
            assert!(matches!(error(code), FederationError::Misconfigured { .. }), "{code}");
        }
        assert!(matches!(judged(json!({ "errcode": "40029" })).unwrap_err(), FederationError::Refused(_)));
    }

    #[test]
    fn an_answer_that_names_nobody_is_final() {
        let long = "o".repeat(300);
        for said in [
            json!({}),
            json!({ "openid": "" }),
            json!({ "openid": 7 }),
            json!({ "openid": "a\0b" }),
            json!({ "openid": "a b" }),
            json!({ "openid": long }),
            json!({ "openid": "o1", "unionid": "u\n" }),
            json!({ "errcode": "many" }),
        ] {
            assert!(matches!(judged(said.clone()).unwrap_err(), FederationError::Refused(_)), "{said}");
        }
    }
}
