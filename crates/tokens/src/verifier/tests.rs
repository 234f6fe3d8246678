use chrono::TimeDelta;
use jsonwebtoken::{EncodingKey, Header, encode, jwk::ThumbprintHash};
use serde_json::{Value, json};
use uuid::Uuid;
use zoetrope_domain::{OwnerGeneration, SessionId, UserId};

use super::*;
use crate::{Role, TokenKind};

// Two Ed25519 keys made for these tests (PKCS#8, DER, hex): the fixed prefix and 32 bytes of seed.
const PKCS8_PREFIX: [u8; 16] = [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

fn signing_key(seed: u8) -> EncodingKey {
    EncodingKey::from_ed_der(&[PKCS8_PREFIX.as_slice(), &[seed; 32]].concat())
}

fn public_key(seed: u8) -> Jwk {
    let mut jwk = Jwk::from_encoding_key(&signing_key(seed), Algorithm::EdDSA).unwrap();
    jwk.common.key_id = Some(jwk.thumbprint(ThumbprintHash::SHA256).unwrap());
    jwk
}

fn kid(seed: u8) -> String {
    public_key(seed).common.key_id.unwrap()
}

fn jwks(keys: Vec<Jwk>) -> String {
    serde_json::to_string(&JwkSet { keys }).unwrap()
}

fn verifier_of(keys: Vec<Jwk>) -> Result<Verifier, KeySetError> {
    Verifier::new(&jwks(keys), "zoetrope", "zoetrope")
}

pub(crate) fn verifier() -> Verifier {
    verifier_of(vec![public_key(1), public_key(2)]).unwrap()
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_763_700_000, 0).unwrap()
}

fn claims() -> Claims {
    Claims {
        user_id: UserId::new(Uuid::from_u128(1)),
        owner_generation: OwnerGeneration::new(3),
        session_id: SessionId::new(Uuid::from_u128(2)),
        username: "ann".to_owned(),
        role: Role::User,
        kind: TokenKind::Access,
        issued_at: now(),
        expires_at: now() + TimeDelta::minutes(15),
    }
}

fn payload() -> Value {
    serde_json::to_value(Payload::new(&claims(), "zoetrope", "zoetrope")).unwrap()
}

fn header(algorithm: Algorithm, kid: Option<String>) -> Header {
    Header { kid, ..Header::new(algorithm) }
}

fn sign(seed: u8, payload: &Value) -> String {
    encode(&header(Algorithm::EdDSA, Some(kid(seed))), payload, &signing_key(seed)).unwrap()
}

fn refused(token: &str) -> bool {
    verifier().verify(token, now()) == Err(TokenError::Invalid)
}

#[test]
fn a_good_token_of_any_configured_key_is_read() {
    for seed in [1, 2] {
        assert_eq!(verifier().verify(&sign(seed, &payload()), now()), Ok(claims()));
    }
}

#[test]
fn clients_find_their_fields_in_the_payload() {
    let payload = payload();
    assert_eq!(payload["userId"], payload["sub"]);
    assert_eq!(payload["username"], "ann");
    assert_eq!(payload["role"], "USER");
    assert_eq!(payload["kind"], "access");
}

#[test]
fn a_token_ends_at_the_second_it_says() {
    let token = sign(1, &payload());
    let end = claims().expires_at;
    assert!(verifier().verify(&token, end - TimeDelta::seconds(1)).is_ok());
    assert_eq!(verifier().verify(&token, end), Err(TokenError::Expired));
}

#[test]
fn a_token_that_was_seen_before_is_held_to_the_same_rules() {
    let verifier = verifier();
    let (token, end) = (sign(1, &payload()), claims().expires_at);
    for _ in 0..2 {
        assert_eq!(verifier.verify(&token, now()), Ok(claims()));
        assert_eq!(verifier.verify(&token, end), Err(TokenError::Expired));
    }
    // What was learned belongs to the whole token.
    let (unsigned, _) = token.rsplit_once('.').unwrap();
    let another = sign(1, &json!({ "sub": "another" }));
    let (_, signature) = another.rsplit_once('.').unwrap();
    assert_eq!(verifier.verify(&format!("{unsigned}.{signature}"), now()), Err(TokenError::Invalid));
    assert_eq!(verifier.verify(&format!("{unsigned}."), now()), Err(TokenError::Invalid));
}

#[test]
fn a_key_that_goes_takes_its_tokens_along_at_once() {
    let verifier = verifier();
    let (kept, gone) = (sign(1, &payload()), sign(2, &payload()));
    assert!(verifier.verify(&kept, now()).is_ok() && verifier.verify(&gone, now()).is_ok());
    verifier.clone().replace(&jwks(vec![public_key(1), public_key(3)])).unwrap();
    assert!(verifier.verify(&kept, now()).is_ok());
    assert_eq!(verifier.verify(&gone, now()), Err(TokenError::Invalid));
    assert!(verifier.verify(&sign(3, &payload()), now()).is_ok());
    // What cannot be used changes nothing.
    assert!(verifier.replace("{").is_err() && verifier.replace(&jwks(vec![])).is_err());
    assert!(verifier.verify(&kept, now()).is_ok() && verifier.knows(&kid(3)));
}

#[test]
fn a_key_that_is_not_configured_is_refused() {
    assert!(refused(&sign(3, &payload())));
}

#[test]
fn a_key_signs_only_under_its_own_name() {
    let wrong = encode(&header(Algorithm::EdDSA, Some(kid(1))), &payload(), &signing_key(2)).unwrap();
    assert!(refused(&wrong));
    let nameless = encode(&header(Algorithm::EdDSA, None), &payload(), &signing_key(1)).unwrap();
    assert!(refused(&nameless));
}

#[test]
fn an_unsigned_token_is_refused() {
    let signed = sign(1, &payload());
    let body = signed.split('.').nth(1).unwrap();
    // {"alg":"none","typ":"JWT"}
    let header = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0";
    assert!(refused(&format!("{header}.{body}.")));
    let head = signed.split('.').next().unwrap();
    assert!(refused(&format!("{head}.{body}.")));
}

#[test]
fn the_public_key_is_no_shared_secret() {
    let decoding = decoding_key(&public_key(1)).unwrap();
    let public = decoding.try_get_as_bytes().unwrap();
    let token = encode(&header(Algorithm::HS256, Some(kid(1))), &payload(), &EncodingKey::from_secret(public)).unwrap();
    assert!(refused(&token));
}

#[test]
fn every_claim_counts() {
    for (name, value) in [("iss", json!("another")), ("aud", json!("another")), ("sub", json!("no id")), ("role", json!("ROOT"))]
    {
        let mut payload = payload();
        payload[name] = value;
        assert!(refused(&sign(1, &payload)), "wrong {name}");
    }
    for name in ["iss", "aud", "sub", "sid", "exp", "role", "kind"] {
        let mut payload = payload();
        payload.as_object_mut().unwrap().remove(name);
        assert!(refused(&sign(1, &payload)), "no {name}");
    }
}

#[test]
fn a_changed_payload_is_refused() {
    let mut other = payload();
    other["role"] = json!("ADMIN");
    let (good, forged) = (sign(1, &payload()), sign(1, &other));
    let parts: Vec<&str> = good.split('.').collect();
    let forged_body = forged.split('.').nth(1).unwrap();
    assert!(refused(&format!("{}.{forged_body}.{}", parts[0], parts[2])));
}

#[test]
fn unknown_critical_extensions_are_refused() {
    let header = Header { crit: Some(vec!["b64".to_owned()]), ..header(Algorithm::EdDSA, Some(kid(1))) };
    assert!(refused(&encode(&header, &payload(), &signing_key(1)).unwrap()));
}

#[test]
fn noise_is_refused() {
    for noise in ["", ".", "..", "a.b.c", "not a token", &"x".repeat(1 << 20)] {
        assert!(refused(noise));
    }
}

#[test]
fn unusable_key_sets_stop_the_start() {
    let nameless = Jwk { common: Default::default(), ..public_key(1) };
    let mut symmetric = Jwk::from_encoding_key(&EncodingKey::from_secret(b"secret"), Algorithm::HS256).unwrap();
    symmetric.common.key_id = Some("secret".to_owned());
    let error = |keys| verifier_of(keys).err().unwrap();
    assert!(matches!(error(vec![]), KeySetError::Empty));
    assert!(matches!(error(vec![nameless]), KeySetError::NoKeyId));
    assert!(matches!(error(vec![public_key(1), public_key(1)]), KeySetError::DuplicateKeyId(_)));
    assert!(matches!(error(vec![symmetric]), KeySetError::UnsupportedKey(_)));
    assert!(matches!(Verifier::new("{", "zoetrope", "zoetrope").err().unwrap(), KeySetError::NotAKeySet(_)));
    let nowhere = VerifierSettings { jwks_path: "/nowhere/jwks.json".into(), issuer: default_name(), audience: default_name() };
    assert!(matches!(Verifier::open(&nowhere).err().unwrap(), KeySetError::Unreadable { .. }));
}
