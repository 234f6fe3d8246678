use chrono::DateTime;
use serde::{Deserialize, Serialize};
use zoetrope_domain::{OwnerGeneration, SessionId, UserId};

use crate::{Claims, Role, TokenKind};

/// The JSON inside a token: what `auth` signs and [`crate::Verifier`] reads.
///
/// `userId` repeats `sub`, because clients of the family `sora_ui` read it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Payload {
    iss: String,
    aud: String,
    sub: UserId,
    user_id: UserId,
    /// Absent means the first.
    #[serde(rename = "gen", default, skip_serializing_if = "OwnerGeneration::is_first")]
    owner_generation: OwnerGeneration,
    sid: SessionId,
    username: String,
    role: Role,
    kind: TokenKind,
    /// Unix seconds.
    iat: i64,
    /// Unix seconds.
    exp: i64,
}

impl Payload {
    pub fn new(claims: &Claims, issuer: &str, audience: &str) -> Self {
        Self {
            iss: issuer.to_owned(),
            aud: audience.to_owned(),
            sub: claims.user_id,
            user_id: claims.user_id,
            owner_generation: claims.owner_generation,
            sid: claims.session_id,
            username: claims.username.clone(),
            role: claims.role,
            kind: claims.kind,
            iat: claims.issued_at.timestamp(),
            exp: claims.expires_at.timestamp(),
        }
    }

    /// `None` when a time lies outside the calendar.
    pub(crate) fn into_claims(self) -> Option<Claims> {
        Some(Claims {
            user_id: self.sub,
            owner_generation: self.owner_generation,
            session_id: self.sid,
            username: self.username,
            role: self.role,
            kind: self.kind,
            issued_at: DateTime::from_timestamp(self.iat, 0)?,
            expires_at: DateTime::from_timestamp(self.exp, 0)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// As tokens were before owners had numbers; their holders go on.
    #[test]
    fn a_token_without_a_generation_is_of_the_first_owner() {
        let id = "00000000-0000-0000-0000-000000000001";
        let before = json!({
            "iss": "i", "aud": "a", "sub": id, "userId": id, "sid": id, "username": "ann", "role": "USER", "kind": "access", "iat": 1, "exp": 2,
        });
        let payload: Payload = serde_json::from_value(before.clone()).unwrap();
        assert_eq!(serde_json::to_value(&payload).unwrap(), before);
        assert_eq!(payload.into_claims().unwrap().owner_generation, OwnerGeneration::FIRST);
        let mut later = before;
        later["gen"] = 2.into();
        let payload: Payload = serde_json::from_value(later).unwrap();
        assert_eq!(payload.into_claims().unwrap().owner_generation, OwnerGeneration::new(2));
    }
}
