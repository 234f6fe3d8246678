use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use super::*;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    store: StoreSettings,
    #[serde(default)]
    extra: ExtraSettings,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoreSettings {
    url: String,
    password: Option<SecretString>,
    #[serde(default)]
    size: u16,
    #[serde(default)]
    ratio: f64,
    #[serde(default)]
    verbose: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ExtraSettings {
    listen: Option<std::net::SocketAddr>,
}

/// A folder of its own for each test, removed at its end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("zoetrope-settings-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn load(file: Option<&Path>, environment: &[(&str, &str)]) -> Result<Settings, String> {
    let args = ConfigArgs { config: file.map(Path::to_owned) };
    let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    load_settings_from(&args, environment).map_err(|error| format!("{:#}", anyhow::Error::new(error)))
}

fn load_text(text: &str, environment: &[(&str, &str)]) -> Result<Settings, String> {
    let folder = Folder::new();
    load(Some(&folder.write("settings.toml", text)), environment)
}

#[test]
fn the_environment_overrides_the_file() {
    let settings = load_text(
        "[store]\nurl = 'a'\nsize = 1",
        &[("ZOETROPE__STORE__SIZE", "2"), ("OTHER__STORE__SIZE", "3"), ("ZOETROPE__STORE__URL", "")],
    )
    .unwrap();
    assert_eq!(settings.store.size, 2);
    assert_eq!(settings.store.url, "a", "an empty variable counts as unset");
}

#[test]
fn values_of_the_environment_get_the_type_of_the_setting() {
    let settings = load(
        None,
        &[
            ("ZOETROPE__STORE__URL", "007"),
            ("ZOETROPE__STORE__PASSWORD", "1e3"),
            ("ZOETROPE__STORE__SIZE", "20"),
            ("ZOETROPE__STORE__RATIO", "0.5"),
            ("ZOETROPE__STORE__VERBOSE", "true"),
            ("ZOETROPE__EXTRA__LISTEN", "127.0.0.1:80"),
        ],
    )
    .unwrap();
    assert_eq!(settings.store.url, "007");
    assert_eq!(settings.store.password.unwrap().expose_secret(), "1e3");
    assert_eq!((settings.store.size, settings.store.ratio, settings.store.verbose), (20, 0.5, true));
    assert_eq!(settings.extra.listen.unwrap().port(), 80);
}

#[test]
fn a_missing_value_is_named_with_its_variable() {
    for text in ["[store]\nsize = 1", ""] {
        let error = load_text(text, &[]).unwrap_err();
        assert!(error.contains("`store.url`") && error.contains("ZOETROPE__STORE__URL"), "{error}");
    }
}

#[test]
fn a_value_of_the_wrong_type_is_named() {
    for (text, key) in [
        ("[store]\nurl = 'a'\nsize = 'many'", "`store.size`"),
        ("[store]\nurl = 'a'\nsize = 70000", "`store.size`"),
        ("[store]\nurl = ['a']", "`store.url`"),
        ("[store]\nurl = 'a'\n[extra]\nlisten = 'everywhere'", "`extra.listen`"),
        ("store = 3", "`store`"),
        ("[shutdown]\ntimeout_seconds = 'soon'", "`shutdown.timeout_seconds`"),
    ] {
        let error = load_text(text, &[]).unwrap_err();
        assert!(error.contains(key), "{error}");
    }
    let error = load(None, &[("ZOETROPE__STORE__URL", "a"), ("ZOETROPE__STORE__SIZE", "many")]).unwrap_err();
    assert!(error.contains("`store.size`") && error.contains("environment"), "{error}");
}

#[test]
fn an_unknown_value_is_named() {
    let error = load_text("[store]\nurl = 'a'\nsise = 1", &[]).unwrap_err();
    assert!(error.contains("sise") && error.contains("store"), "{error}");
    let error = load_text("[shutdown]\nfast = true", &[]).unwrap_err();
    assert!(error.contains("fast") && error.contains("shutdown"), "{error}");
}

#[test]
fn a_file_that_is_missing_or_malformed_is_named() {
    let error = load(Some(Path::new("/nonexistent/settings.toml")), &[]).unwrap_err();
    assert!(error.contains("/nonexistent/settings.toml"), "{error}");
    let error = load_text("[store\nurl = 'a'", &[]).unwrap_err();
    assert!(error.contains("settings.toml") && error.contains("line 1"), "{error}");
}

#[test]
fn a_secret_comes_from_a_file() {
    let folder = Folder::new();
    folder.write("secret", "hush\n");
    let file = folder.write("settings.toml", "[store]\nurl = 'a'\npassword_file = 'secret'");
    let settings = load(Some(&file), &[]).unwrap();
    assert_eq!(settings.store.password.unwrap().expose_secret(), "hush", "relative to the settings file, and trimmed");

    let other = folder.write("other", "louder");
    let settings = load(Some(&file), &[("ZOETROPE__STORE__PASSWORD_FILE", other.to_str().unwrap())]).unwrap();
    assert_eq!(settings.store.password.unwrap().expose_secret(), "louder");

    let settings = load(Some(&file), &[("ZOETROPE__STORE__PASSWORD", "direct")]).unwrap();
    assert_eq!(settings.store.password.unwrap().expose_secret(), "direct");
}

#[test]
fn a_secret_file_must_exist_and_be_the_only_source() {
    let error = load_text("[store]\nurl = 'a'\npassword_file = '/nonexistent/secret'", &[]).unwrap_err();
    assert!(error.contains("`store.password_file`") && error.contains("/nonexistent/secret"), "{error}");
    let error = load_text("[store]\nurl = 'a'\nurl_file = 'b'", &[]).unwrap_err();
    assert!(error.contains("`store.url`") && error.contains("twice"), "{error}");
}

#[test]
fn the_sections_of_every_process_are_kept_from_the_service() {
    let args = ConfigArgs::default();
    let environment =
        [("ZOETROPE__STORE__URL", "a"), ("ZOETROPE__TELEMETRY__FORMAT", "pretty"), ("ZOETROPE__SHUTDOWN__TIMEOUT_SECONDS", "7")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let (process, rest) = Document::read(&args, environment).unwrap().split().unwrap();
    assert_eq!((process.telemetry.format, process.shutdown.timeout_seconds), (LogFormat::Pretty, 7));
    assert_eq!(rest.parse::<Settings>().unwrap().store.url, "a");
}
