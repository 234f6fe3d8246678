//! What the code of a sign-in says, beside its first word.

/// Who signs in, and what is wrong with the proof.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct SignIn {
    pub(crate) subject: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) unverified: bool,
    pub(crate) nonce: Option<String>,
    pub(crate) redirect_uri: Option<String>,
    pub(crate) id_token: Option<IdTokenFault>,
    pub(crate) unionid: Option<String>,
    pub(crate) errcode: Option<i64>,
}

/// What is wrong with an ID token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IdTokenFault {
    BadSignature,
    WrongAudience,
    WrongIssuer,
    /// Without its scheme, as Google writes it at times.
    BareIssuer,
    /// Claims that a client can do without are of other types.
    OddTypes,
    /// It says nothing of who it is about.
    NoSubject,
    Expired,
    /// Signed with a key that is not published.
    UnknownKey,
    /// `alg: none`.
    Unsigned,
    /// There is none in the answer.
    Missing,
}

impl IdTokenFault {
    pub(super) fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "bad-signature" => Self::BadSignature,
            "wrong-audience" => Self::WrongAudience,
            "wrong-issuer" => Self::WrongIssuer,
            "bare-issuer" => Self::BareIssuer,
            "odd-types" => Self::OddTypes,
            "no-subject" => Self::NoSubject,
            "expired" => Self::Expired,
            "unknown-key" => Self::UnknownKey,
            "unsigned" => Self::Unsigned,
            "missing" => Self::Missing,
            _ => return None,
        })
    }
}
