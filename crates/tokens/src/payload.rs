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
