//! `[http]`, `[simulation]`, `[google]` and `[wechat]`.

use std::net::{Ipv4Addr, SocketAddr};

use secrecy::SecretString;
use serde::Deserialize;
use zoetrope_service::SettingsError;

use crate::{
    behaviour::{Behaviour, BehaviourChange, InvalidBehaviour},
    http::ApiKeys,
};

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    pub(crate) http: HttpSettings,
    pub(crate) simulation: SimulationSettings,
    pub(crate) google: GoogleSettings,
    pub(crate) wechat: WeChatSettings,
}

/// The one client that the simulated Google knows.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct GoogleSettings {
    /// Default `google-client`.
    pub(crate) client_id: String,
    /// Default `google-secret`.
    pub(crate) client_secret: SecretString,
}

impl Default for GoogleSettings {
    fn default() -> Self {
        Self { client_id: "google-client".to_owned(), client_secret: "google-secret".into() }
    }
}

/// The one mini-program that the simulated WeChat knows.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct WeChatSettings {
    /// Default `wechat-app`.
    pub(crate) app_id: String,
    /// Default `wechat-secret`.
    pub(crate) secret: SecretString,
}

impl Default for WeChatSettings {
    fn default() -> Self {
        Self { app_id: "wechat-app".to_owned(), secret: "wechat-secret".into() }
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct HttpSettings {
    /// Default `127.0.0.1:8090`; port 0 takes any free one.
    pub(crate) listen: SocketAddr,
    /// Threads that serve requests. Default 2.
    pub(crate) workers: usize,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self { listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8090)), workers: 2 }
    }
}

/// What the behaviour is at start; absent values have the defaults of [`Behaviour`].
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SimulationSettings {
    /// A list, or text with commas in between. Required; an option only so that its absence is told by its full name.
    api_keys: Option<ApiKeys>,
    duration_seconds: Option<f64>,
    queue_seconds: Option<f64>,
    cheap: Option<bool>,
    directives: Option<String>,
}

impl SimulationSettings {
    /// The keys that open the API.
    pub(crate) fn api_keys(&self) -> Result<ApiKeys, SettingsError> {
        self.api_keys.clone().ok_or_else(|| SettingsError::Missing { key: "simulation.api_keys".to_owned() })
    }

    /// The behaviour to start with; `cheap` is the command line's, which can only switch it on.
    pub(crate) fn behaviour(&self, cheap: bool) -> Result<Behaviour, SettingsError> {
        let change = BehaviourChange {
            duration_seconds: self.duration_seconds,
            queue_seconds: self.queue_seconds,
            cheap: if cheap { Some(true) } else { self.cheap },
            directives: self.directives.clone(),
        };
        Behaviour::default().with(change).map_err(|error| {
            let field = match error {
                InvalidBehaviour::Seconds { field } => field,
                InvalidBehaviour::Directives(_) => "directives",
            };
            SettingsError::invalid(format!("simulation.{field}"), error)
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn settings(simulation: &Value) -> Result<Settings, serde_json::Error> {
        serde_json::from_value(json!({ "simulation": simulation }))
    }

    #[test]
    fn keys_are_a_list_or_text_and_must_not_be_missing() {
        for keys in [json!(["sk-one", "sk-two"]), json!("sk-one, sk-two")] {
            assert!(settings(&json!({ "api_keys": keys })).is_ok(), "{keys}");
        }
        for keys in [json!([]), json!(""), json!(3), json!({})] {
            assert!(settings(&json!({ "api_keys": keys })).is_err(), "{keys}");
        }
        let missing = settings(&json!({})).unwrap().simulation.api_keys().unwrap_err().to_string();
        assert!(missing.contains("simulation.api_keys"), "{missing}");
    }

    #[test]
    fn the_command_line_switches_cheap_on_and_bad_values_are_named() {
        let simulation = |value| settings(&value).unwrap().simulation;
        let plain = simulation(json!({ "api_keys": "sk", "duration_seconds": 0.5 }));
        assert!(plain.behaviour(true).unwrap().cheap);
        assert!(!plain.behaviour(false).unwrap().cheap);
        let bad = simulation(json!({ "api_keys": "sk", "directives": "[sim:what]" }));
        let message = bad.behaviour(false).unwrap_err().to_string();
        assert!(message.contains("simulation.directives"), "{message}");
    }
}
