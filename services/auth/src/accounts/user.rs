use chrono::{DateTime, Utc};
use zoetrope_domain::UserId;
use zoetrope_tokens::Role;

/// A user as the outside may see them.
#[derive(Debug, Clone)]
pub struct User {
    pub id: UserId,
    pub username: String,
    pub email: Option<String>,
    pub role: Role,
    pub created_at: DateTime<Utc>,
}
