//! WeChat's sign-in of mini-programs: the `openid` is the first word of the code; the rest makes it another code, and directs.

use actix_web::{
    HttpResponse,
    http::header::ContentType,
    web::{Data, Query},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{error::ApiError, fault};
use crate::{
    directives::{Directives, without_directives},
    faults::{Call, Fault},
    settings::WeChatSettings,
    simulator::Simulator,
    store::Scope,
};

const INVALID_APP_ID: i64 = 40013;
const INVALID_CODE: i64 = 40029;
const INVALID_SECRET: i64 = 40125;
const USED_CODE: i64 = 40163;

#[derive(Deserialize)]
pub(super) struct CodeToSession {
    appid: String,
    secret: SecretString,
    js_code: String,
}

/// `GET /sns/jscode2session`. Errors have the status 200, too.
pub(super) async fn session(
    query: Query<CodeToSession>,
    simulator: Data<Simulator>,
    wechat: Data<WeChatSettings>,
) -> Result<HttpResponse, ApiError> {
    simulator.store().totals_mut().wechat_sessions += 1;
    let CodeToSession { appid, secret, js_code } = query.into_inner();
    let directives = Directives::parse(&js_code).map_err(|error| ApiError::invalid("js_code", error))?;
    let fault = simulator.meet(Call::WeChatSession, Scope::Code(js_code.clone()), &directives).await;
    if let Some(fault @ (Fault::Status { .. } | Fault::CutBefore)) = fault {
        return fault::answer(fault);
    }
    let who = without_directives(&js_code);
    let openid = who.split_whitespace().next();
    let wrong = if appid != wechat.app_id {
        Some(INVALID_APP_ID)
    } else if secret.expose_secret() != wechat.secret.expose_secret() {
        Some(INVALID_SECRET)
    } else if directives.sign_in.errcode.is_some() {
        directives.sign_in.errcode
    } else if openid.is_none() {
        Some(INVALID_CODE)
    } else if !simulator.store().use_code(Call::WeChatSession, &js_code) {
        Some(USED_CODE)
    } else {
        None
    };
    if let Some(errcode) = wrong {
        return Ok(answer(&json!({ "errcode": errcode, "errmsg": format!("simulated, rid: {}", Uuid::new_v4()) })));
    }
    if let Some(fault) = fault {
        return fault::answer(fault);
    }
    let mut body = json!({ "session_key": STANDARD.encode(Uuid::new_v4()), "openid": openid });
    if let Some(unionid) = directives.sign_in.unionid {
        body["unionid"] = unionid.into();
    }
    Ok(answer(&body))
}

/// JSON that calls itself text, as the real one does.
fn answer(body: &Value) -> HttpResponse {
    HttpResponse::Ok().content_type(ContentType::plaintext()).body(body.to_string())
}
