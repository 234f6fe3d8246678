use serde_json::json;
use uuid::Uuid;
use zoetrope_testing::User;

use crate::{client::Client, stage::Stage};

/// Registers somebody new, insistently: whose first answer got lost is registered already, and signs in.
pub async fn join<'a>(stage: &'a Stage<'a>, nobody: &User) -> Option<Client<'a>> {
    let visitor = Client { stage, user: nobody.clone() };
    let body = json!({ "username": format!("chaos-{}", Uuid::new_v4().simple()), "password": User::PASSWORD });
    let post = async |path: &str| nobody.post(path, body.clone()).await;
    let mut answer = visitor.insist("register", &[201, 409], async || post("/api/auth/register").await).await?;
    if answer.status == 409 {
        answer = visitor.insist("login", &[200], async || post("/api/auth/login").await).await?;
    }
    let token = answer.body["data"]["token"].as_str()?;
    Some(Client { stage, user: nobody.with_token(token) })
}
