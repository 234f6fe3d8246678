use aws_lc_rs::hmac;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use url::Url;
use zoetrope_domain::TaskId;

use crate::{MediaFile, SettingsError};

/// How links to results look and how long they live (`[media]`).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MediaLinkSettings {
    /// The address under which browsers reach the gateway, for example `https://media.example.com`.
    pub public_base_url: String,
    /// Signs the links; the same in every service that makes or answers them. 16 characters at least.
    pub secret: SecretString,
    /// How long a link plays at the least, in seconds.
    #[serde(default = "MediaLinkSettings::default_lifetime_seconds")]
    pub lifetime_seconds: u32,
}

impl MediaLinkSettings {
    const SHORTEST_SECRET: usize = 16;
    const LONGEST_LIFETIME_SECONDS: u32 = 365 * 24 * 60 * 60;

    const fn default_lifetime_seconds() -> u32 {
        24 * 60 * 60
    }
}

/// Makes and checks links that play a result without any header: whoever holds one may see the file until it expires. Cheap to clone.
#[derive(Clone)]
pub struct MediaLinks {
    base: String,
    key: hmac::Key,
    lifetime: i64,
}

/// A link that opens nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    #[error("the link has expired")]
    Expired,
    #[error("the link is not valid")]
    Invalid,
}

impl MediaLinks {
    pub fn new(settings: &MediaLinkSettings) -> Result<Self, SettingsError> {
        let base = settings.public_base_url.trim_end_matches('/');
        match Url::parse(base) {
            Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() && url.query().is_none() => {}
            _ => return Err(SettingsError::Address("media.public_base_url")),
        }
        let secret = settings.secret.expose_secret();
        if secret.len() < MediaLinkSettings::SHORTEST_SECRET {
            return Err(SettingsError::WeakSecret("media.secret"));
        }
        if !(1..=MediaLinkSettings::LONGEST_LIFETIME_SECONDS).contains(&settings.lifetime_seconds) {
            return Err(SettingsError::Lifetime("media.lifetime_seconds"));
        }
        Ok(Self {
            base: base.to_owned(),
            key: hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()),
            lifetime: settings.lifetime_seconds.into(),
        })
    }

    pub fn video_url(&self, task: TaskId, now: DateTime<Utc>) -> String {
        self.url(task, MediaFile::Video, now)
    }

    pub fn thumbnail_url(&self, task: TaskId, now: DateTime<Utc>) -> String {
        self.url(task, MediaFile::Thumbnail, now)
    }

    /// As [`Self::video_url`], beginning with `/`: for clients that put the gateway's address before it themselves.
    pub fn video_path(&self, task: TaskId, now: DateTime<Utc>) -> String {
        self.path(task, MediaFile::Video, now)
    }

    /// Checks what a link brought: the file that its path names, and its query parameters.
    pub fn verify(
        &self,
        task: TaskId,
        file: MediaFile,
        expires: i64,
        signature: &str,
        now: DateTime<Utc>,
    ) -> Result<(), LinkError> {
        let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).map_err(|_| LinkError::Invalid)?;
        hmac::verify(&self.key, signed_text(task, file, expires).as_bytes(), &signature).map_err(|_| LinkError::Invalid)?;
        if expires <= now.timestamp() { Err(LinkError::Expired) } else { Ok(()) }
    }

    fn url(&self, task: TaskId, file: MediaFile, now: DateTime<Utc>) -> String {
        format!("{}{}", self.base, self.path(task, file, now))
    }

    fn path(&self, task: TaskId, file: MediaFile, now: DateTime<Utc>) -> String {
        let expires = self.expiry(now.timestamp());
        let tag = hmac::sign(&self.key, signed_text(task, file, expires).as_bytes());
        let signature = BASE64_URL_SAFE_NO_PAD.encode(tag.as_ref());
        format!("/media/videos/{task}/{}?expires={expires}&signature={signature}", file.as_str())
    }

    /// Rounded up to a quarter of the lifetime: clients poll, and a player starts again when the address under it changes.
    fn expiry(&self, now: i64) -> i64 {
        let step = (self.lifetime / 4).max(1);
        (now + self.lifetime).div_euclid(step) * step + step
    }
}

fn signed_text(task: TaskId, file: MediaFile, expires: i64) -> String {
    format!("media-link/1\n{task}\n{}\n{expires}", file.as_str())
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use uuid::Uuid;

    use super::*;

    const NOW: DateTime<Utc> = DateTime::from_timestamp(1_763_700_000, 0).unwrap();

    fn settings() -> MediaLinkSettings {
        MediaLinkSettings {
            public_base_url: "http://127.0.0.1:8080/".to_owned(),
            secret: "a secret of some length".into(),
            lifetime_seconds: 3600,
        }
    }

    fn task(number: u128) -> TaskId {
        TaskId::new(Uuid::from_u128(number))
    }

    fn parts(url: &str) -> (i64, String) {
        let url = Url::parse(url).unwrap();
        let value = |name: &str| url.query_pairs().find(|(key, _)| key == name).unwrap().1.into_owned();
        (value("expires").parse().unwrap(), value("signature"))
    }

    #[test]
    fn a_link_opens_its_own_file_only() {
        let links = MediaLinks::new(&settings()).unwrap();
        let url = links.video_url(task(7), NOW);
        assert!(url.starts_with("http://127.0.0.1:8080/media/videos/00000000-0000-0000-0000-000000000007/video.mp4?expires="));
        assert_eq!(url.strip_prefix("http://127.0.0.1:8080"), Some(links.video_path(task(7), NOW).as_str()));
        let (expires, signature) = parts(&url);
        let verify = |task, file, expires, signature: &str| links.verify(task, file, expires, signature, NOW);
        assert_eq!(verify(task(7), MediaFile::Video, expires, &signature), Ok(()));
        assert_eq!(verify(task(8), MediaFile::Video, expires, &signature), Err(LinkError::Invalid));
        assert_eq!(verify(task(7), MediaFile::Thumbnail, expires, &signature), Err(LinkError::Invalid));
        assert_eq!(verify(task(7), MediaFile::Video, expires + 1, &signature), Err(LinkError::Invalid));
        for forged in ["", "AAAA", "not base64!", &signature[1..]] {
            assert_eq!(verify(task(7), MediaFile::Video, expires, forged), Err(LinkError::Invalid), "{forged}");
        }
    }

    #[test]
    fn another_secret_signs_other_links() {
        let url = MediaLinks::new(&settings()).unwrap().video_url(task(7), NOW);
        let other = MediaLinks::new(&MediaLinkSettings { secret: "another secret altogether".into(), ..settings() }).unwrap();
        let (expires, signature) = parts(&url);
        assert_eq!(other.verify(task(7), MediaFile::Video, expires, &signature, NOW), Err(LinkError::Invalid));
    }

    #[test]
    fn a_link_plays_for_its_lifetime_and_not_much_longer() {
        let links = MediaLinks::new(&settings()).unwrap();
        let (expires, signature) = parts(&links.video_url(task(7), NOW));
        let after = |seconds| links.verify(task(7), MediaFile::Video, expires, &signature, NOW + TimeDelta::seconds(seconds));
        assert_eq!(after(3600), Ok(()));
        assert_eq!(after(3600 + 900), Err(LinkError::Expired));
    }

    #[test]
    fn a_polling_client_sees_one_link_for_a_while() {
        let links = MediaLinks::new(&settings()).unwrap();
        let urls: Vec<String> = (0..90).map(|n| links.video_url(task(7), NOW + TimeDelta::seconds(10 * n))).collect();
        assert!(urls.windows(2).filter(|pair| pair[0] != pair[1]).count() <= 1);
    }

    #[test]
    fn useless_settings_are_refused() {
        let refused = |settings: MediaLinkSettings| MediaLinks::new(&settings).err().unwrap().to_string();
        for address in ["", "localhost:8080", "ftp://host", "http://", "http://host?x=1"] {
            let message = refused(MediaLinkSettings { public_base_url: address.to_owned(), ..settings() });
            assert!(message.starts_with("media.public_base_url"), "{address}: {message}");
        }
        assert!(refused(MediaLinkSettings { secret: "short".into(), ..settings() }).starts_with("media.secret"));
        assert!(refused(MediaLinkSettings { lifetime_seconds: 0, ..settings() }).starts_with("media.lifetime_seconds"));
    }
}
