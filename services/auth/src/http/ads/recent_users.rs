use actix_web::{HttpResponse, http::header::CACHE_CONTROL, web::Data};
use serde::Serialize;
use utoipa::ToSchema;
use zoetrope_domain::masked;
use zoetrope_http::Problem;

use crate::recent_users::{KEPT, Newcomer, Newcomers, RecentUsers};

/// Who came lately.
#[derive(Debug, Serialize, ToSchema)]
pub struct RecentUsersView {
    /// The newest who show a picture, up to five.
    recent_users: Vec<RecentUserView>,
    /// How many users there are.
    total_count: i64,
    /// The same.
    display_count: i64,
}

#[derive(Debug, Serialize, ToSchema)]
struct RecentUserView {
    id: i64,
    #[schema(example = "Ann")]
    name: String,
    avatar_url: Option<String>,
    /// One letter and the domain; empty when there is none.
    #[schema(example = "a***@example.com")]
    email: String,
}

impl From<&Newcomer> for RecentUserView {
    fn from(newcomer: &Newcomer) -> Self {
        Self {
            id: newcomer.number,
            name: newcomer.name.clone(),
            avatar_url: newcomer.avatar_url.clone(),
            email: newcomer.email.as_deref().map(masked).unwrap_or_default(),
        }
    }
}

/// Shows who came lately, to everybody. What it tells may be a minute old.
#[utoipa::path(
    get,
    path = "/api/v1/users/recent",
    tag = "users",
    responses(
        (status = 200, description = "The newest users, and how many there are.", body = RecentUsersView),
    )
)]
pub async fn recent_users(recent_users: Data<RecentUsers>) -> Result<HttpResponse, Problem> {
    let newcomers = recent_users.get().await?;
    let Newcomers { newest, total } = &*newcomers;
    let view = RecentUsersView {
        recent_users: newest.iter().map(RecentUserView::from).collect(),
        total_count: *total,
        display_count: *total,
    };
    let kept = format!("public, max-age={}", KEPT.as_secs());
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, kept)).json(view))
}
