use std::{
    fs::{self, OpenOptions},
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use anyhow::{Context, anyhow};
use aws_lc_rs::signature::Ed25519KeyPair;
use base64::{Engine, engine::general_purpose::STANDARD};
use jsonwebtoken::{EncodingKey, jwk::JwkSet};
use secrecy::{ExposeSecret, SecretString};

use super::signer::public_key;

/// A new key and its public half.
pub(super) struct KeyPair {
    pub(super) pem: SecretString,
    pub(super) jwks: String,
}

/// Makes a new key: `signing-key.pem` for this service alone, `jwks.json` for all. Existing files are left alone, and an error.
pub fn generate(directory: &Path) -> anyhow::Result<()> {
    let pair = key_pair()?;
    fs::create_dir_all(directory).with_context(|| format!("cannot create {}", directory.display()))?;
    write_new(&directory.join("signing-key.pem"), 0o600, pair.pem.expose_secret())?;
    write_new(&directory.join("jwks.json"), 0o644, &pair.jwks)
}

pub(super) fn key_pair() -> anyhow::Result<KeyPair> {
    // Version 1, without the public key: the JWK cannot be derived from version 2.
    let der = Ed25519KeyPair::generate().and_then(|pair| pair.to_pkcs8v1()).map_err(|_| anyhow!("no key could be generated"))?;
    let jwk = public_key(&EncodingKey::from_ed_der(der.as_ref()))?;
    let jwks = serde_json::to_string_pretty(&JwkSet { keys: vec![jwk] })? + "\n";
    Ok(KeyPair { pem: to_pem(der.as_ref()), jwks })
}

/// One line suffices: the 48 bytes of an Ed25519 key are 64 characters, the longest line that PEM allows.
fn to_pem(der: &[u8]) -> SecretString {
    format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(der)).into()
}

fn write_new(path: &Path, mode: u32, text: &str) -> anyhow::Result<()> {
    let write = || OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?.write_all(text.as_bytes());
    write().with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_private_key_is_for_its_owner_only_and_never_overwritten() {
        let directory = std::env::temp_dir().join(format!("zoetrope-keys-{}", uuid::Uuid::now_v7()));
        generate(&directory).unwrap();
        let private = directory.join("signing-key.pem");
        let before = fs::read_to_string(&private).unwrap();
        assert_eq!(fs::metadata(&private).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(!fs::read_to_string(directory.join("jwks.json")).unwrap().contains("\"d\""));

        assert!(generate(&directory).is_err());
        assert_eq!(fs::read_to_string(&private).unwrap(), before);
        fs::remove_dir_all(&directory).unwrap();
    }
}
