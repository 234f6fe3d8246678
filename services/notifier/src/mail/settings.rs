use std::{
    num::{NonZeroU16, NonZeroUsize},
    path::PathBuf,
    time::Duration,
};

use lettre::{
    message::Mailbox,
    transport::smtp::{
        authentication::Credentials,
        client::{Certificate, CertificateStore, TlsParameters},
    },
};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use url::Url;
use zoetrope_service::SettingsError;

use super::{
    courier::{Courier, Folder, Security, Smtp, SmtpServer},
    letter::Brand,
    message::Writer,
    retry::RetryPolicy,
};
use crate::settings::seconds;

/// How mails leave and what they look like (`[mail]`).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailSettings {
    transport: Transport,
    /// `folder`: where mails are written; made when it is missing.
    folder: Option<PathBuf>,
    /// `smtp`: the mail server.
    host: Option<String>,
    /// `smtp`: 587 with `starttls`, 465 with `tls`, 25 without, when absent.
    port: Option<NonZeroU16>,
    /// `smtp`: how the connection is protected. Default `starttls`.
    #[serde(default)]
    tls: Protection,
    /// `smtp`: who we are there, with `password`. Nobody, when absent.
    username: Option<String>,
    password: Option<SecretString>,
    /// `smtp`: certificates (PEM) that may have signed the server's, instead of those the system trusts. Usually given as
    /// `ca_certificates_file`.
    ca_certificates: Option<String>,
    /// Such as `Zoetrope <no-reply@example.org>`. Its domain is that of the `Message-ID` as well.
    from: String,
    /// Where answers go, if not to `from`.
    reply_to: Option<String>,
    /// What mails call the platform. Default `Zoetrope`.
    #[serde(default = "default_product")]
    product: String,
    /// Where users are sent: the address of the front-end.
    front_end_url: String,
    /// The page of a video there. Default `/videos/{videoId}`.
    #[serde(default = "default_video_path")]
    video_path: String,
    /// Mails that a replica sends at the same time. Default 4.
    #[serde(default = "default_concurrency")]
    concurrency: NonZeroUsize,
    /// For one mail, from connecting to the mail server's answer. Twice as long after the death of a replica, another sends what it had in
    /// hand. Default 60.
    #[serde(rename = "timeout_seconds", deserialize_with = "seconds", default = "default_timeout")]
    timeout: Duration,
    /// Until a mail that was not taken is tried again; doubles with each try. Default 30.
    #[serde(rename = "retry_seconds", deserialize_with = "seconds", default = "default_retry")]
    retry: Duration,
    /// The longest of these pauses. Default 3600.
    #[serde(rename = "max_retry_seconds", deserialize_with = "seconds", default = "default_max_retry")]
    max_retry: Duration,
    /// Age at which a mail that is never taken is given up. Default 72.
    #[serde(default = "default_give_up_hours")]
    give_up_hours: NonZeroU16,
    /// Days for which it is known what became of a mail. Default 30.
    #[serde(default = "default_keep_days")]
    keep_days: NonZeroU16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Transport {
    Smtp,
    Folder,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Protection {
    None,
    #[default]
    Starttls,
    Tls,
}

fn default_product() -> String {
    "Zoetrope".to_owned()
}

fn default_video_path() -> String {
    "/videos/{videoId}".to_owned()
}

const fn default_concurrency() -> NonZeroUsize {
    const { NonZeroUsize::new(4).unwrap() }
}

const fn default_timeout() -> Duration {
    Duration::from_secs(60)
}

const fn default_retry() -> Duration {
    Duration::from_secs(30)
}

const fn default_max_retry() -> Duration {
    Duration::from_secs(60 * 60)
}

const fn default_give_up_hours() -> NonZeroU16 {
    const { NonZeroU16::new(72).unwrap() }
}

const fn default_keep_days() -> NonZeroU16 {
    const { NonZeroU16::new(30).unwrap() }
}

impl MailSettings {
    pub(super) fn concurrency(&self) -> usize {
        self.concurrency.get()
    }

    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }

    pub(super) fn keep_days(&self) -> u16 {
        self.keep_days.get()
    }

    pub(super) fn retry_policy(&self) -> RetryPolicy {
        let give_up = Duration::from_secs(u64::from(self.give_up_hours.get()) * 60 * 60);
        RetryPolicy { first: self.retry, longest: self.max_retry.max(self.retry), give_up }
    }

    pub(super) fn writer(&self) -> Result<Writer, SettingsError> {
        let reply_to = self.reply_to.as_deref().map(|address| mailbox("mail.reply_to", address)).transpose()?;
        if !self.video_path.starts_with('/') {
            return Err(SettingsError::invalid("mail.video_path", "must begin with /"));
        }
        let front_end = self.front_end_url.trim_end_matches('/').to_owned();
        match Url::parse(&front_end) {
            Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => {}
            _ => return Err(SettingsError::invalid("mail.front_end_url", "must be an http or https address")),
        }
        let brand = Brand { product: self.product.clone(), front_end, video_path: self.video_path.clone() };
        Ok(Writer { from: mailbox("mail.from", &self.from)?, reply_to, brand })
    }

    pub(super) fn courier(&self) -> Result<Courier, SettingsError> {
        match self.transport {
            Transport::Folder => {
                let folder = self.folder.clone().ok_or_else(|| missing("mail.folder"))?;
                let folder = Folder::new(folder).map_err(|error| SettingsError::invalid("mail.folder", error))?;
                Ok(Courier::Folder(folder))
            }
            Transport::Smtp => Ok(Courier::Smtp(Smtp::new(self.server()?))),
        }
    }

    fn server(&self) -> Result<SmtpServer, SettingsError> {
        let host = self.host.clone().ok_or_else(|| missing("mail.host"))?;
        let (security, usual_port) = match self.tls {
            Protection::None => (Security::None, 25),
            Protection::Starttls => (Security::StartTls(self.tls_parameters(&host)?), 587),
            Protection::Tls => (Security::Tls(self.tls_parameters(&host)?), 465),
        };
        let credentials = match (&self.username, &self.password) {
            (None, None) => None,
            (Some(_), Some(_)) if self.tls == Protection::None => {
                return Err(SettingsError::invalid("mail.password", "is not sent without encryption: set mail.tls"));
            }
            (Some(username), Some(password)) => Some(Credentials::new(username.clone(), password.expose_secret().to_owned())),
            (Some(_), None) => return Err(missing("mail.password")),
            (None, Some(_)) => return Err(missing("mail.username")),
        };
        Ok(SmtpServer { host, port: self.port.map_or(usual_port, NonZeroU16::get), security, credentials })
    }

    fn tls_parameters(&self, host: &str) -> Result<TlsParameters, SettingsError> {
        let mut builder = TlsParameters::builder(host.to_owned());
        if let Some(pem) = &self.ca_certificates {
            let refused = |problem: &str| SettingsError::invalid("mail.ca_certificates", problem);
            if !pem.contains("BEGIN CERTIFICATE") {
                return Err(refused("no certificate found; expected PEM"));
            }
            let certificate = Certificate::from_pem(pem.as_bytes()).map_err(|error| refused(&error.to_string()))?;
            builder = builder.certificate_store(CertificateStore::None).add_root_certificate(certificate);
        }
        builder.build().map_err(|error| SettingsError::invalid("mail.tls", error))
    }
}

fn missing(key: &str) -> SettingsError {
    SettingsError::Missing { key: key.to_owned() }
}

fn mailbox(key: &str, text: &str) -> Result<Mailbox, SettingsError> {
    text.parse().map_err(|_| SettingsError::invalid(key, "must be an address, such as Zoetrope <no-reply@example.org>"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn settings(changes: Value) -> MailSettings {
        let mut settings = json!({
            "transport": "smtp",
            "host": "mail.example.org",
            "from": "Zoetrope <no-reply@example.org>",
            "front_end_url": "https://video.example.org/",
        });
        for (key, value) in changes.as_object().into_iter().flatten() {
            settings[key] = value.clone();
        }
        serde_json::from_value(settings).unwrap()
    }

    fn refused(changes: Value) -> String {
        let settings = settings(changes);
        let wrong = settings.writer().err().or_else(|| settings.server().err());
        wrong.map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn ports_are_those_of_the_protection() {
        for (tls, port) in [("none", 25), ("starttls", 587), ("tls", 465)] {
            assert_eq!(settings(json!({ "tls": tls })).server().unwrap().port, port, "{tls}");
        }
        assert_eq!(settings(json!({ "port": 2525 })).server().unwrap().port, 2525);
        assert!(matches!(settings(json!({})).server().unwrap().security, Security::StartTls(_)));
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        for (changes, named) in [
            (json!({ "host": null }), "missing setting `mail.host`"),
            (json!({ "username": "zoe" }), "missing setting `mail.password`"),
            (json!({ "password": "secret" }), "missing setting `mail.username`"),
            (
                json!({ "username": "zoe", "password": "secret", "tls": "none" }),
                "`mail.password`: is not sent without encryption",
            ),
            (json!({ "ca_certificates": "nonsense" }), "`mail.ca_certificates`"),
            (json!({ "from": "nobody" }), "`mail.from`"),
            (json!({ "reply_to": "" }), "`mail.reply_to`"),
            (json!({ "front_end_url": "ftp://x" }), "`mail.front_end_url`"),
            (json!({ "video_path": "videos" }), "`mail.video_path`"),
        ] {
            let said = refused(changes);
            assert!(said.contains(named) && !said.contains("secret"), "{named}: {said}");
        }
        let nowhere = settings(json!({ "transport": "folder" })).courier().err().map(|error| error.to_string());
        assert!(nowhere.unwrap_or_default().contains("missing setting `mail.folder`"));
    }

    #[test]
    fn a_password_is_never_shown() {
        let settings = settings(json!({ "username": "zoe", "password": "tell-nobody" }));
        assert!(!format!("{settings:?}").contains("tell-nobody"));
        assert!(settings.server().unwrap().credentials.is_some());
    }

    #[test]
    fn useless_values_are_refused() {
        for changes in
            [json!({ "concurrency": 0 }), json!({ "timeout_seconds": 0 }), json!({ "tls": "maybe" }), json!({ "smtp": 1 })]
        {
            let mut value = json!({ "transport": "smtp", "from": "a@b.c", "front_end_url": "http://x" });
            for (key, change) in changes.as_object().unwrap() {
                value[key] = change.clone();
            }
            assert!(serde_json::from_value::<MailSettings>(value).is_err(), "{changes}");
        }
    }
}
