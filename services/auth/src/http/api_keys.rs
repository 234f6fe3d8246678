use actix_web::{HttpResponse, web::Data};
use chrono::{DateTime, Utc};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::json;
use utoipa::{
    ToSchema,
    openapi::{Array, ArrayBuilder, Type, schema::SchemaType},
};
use uuid::Uuid;
use zoetrope_domain::ApiKeyId;
use zoetrope_http::{
    CurrentUser, Json, Path, Problem, ProblemBody, ShortList,
    envelope::{Envelope, success, success_with_message},
    iso_millis,
    openapi::words,
};
use zoetrope_tokens::Scope;

use crate::{
    accounts::{Accounts, Device, KeyCard},
    rules::api_key::KeyWish,
};

/// More than there are, for clients that name some twice.
const MOST_SCOPES: usize = 32;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreateApiKey {
    /// 1 to 100 characters, for its owner.
    #[schema(required, nullable = false, min_length = 1, example = "build server")]
    name: Option<String>,
    /// Some of `read`, `write` and `webhooks`; all of them unless named.
    #[schema(schema_with = scope_words, required = false)]
    scopes: Option<ShortList<String, MOST_SCOPES>>,
    /// Never, unless named.
    #[serde(alias = "expires_at")]
    expires_at: Option<DateTime<Utc>>,
}

fn scope_words() -> Array {
    ArrayBuilder::new()
        .schema_type(SchemaType::from_iter([Type::Array, Type::Null]))
        .items(words(Scope::ALL.map(Scope::as_str)))
        .min_items(Some(1))
        .max_items(Some(MOST_SCOPES))
        .description(Some("Some of `read`, `write` and `webhooks`; all of them unless named."))
        .examples([json!(["read", "write"])])
        .build()
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApiKeyView {
    id: Uuid,
    name: String,
    /// The beginning of the key, by which to know it again.
    #[schema(example = "sk-Zk3_T0aB")]
    prefix: String,
    /// Some of `read`, `write` and `webhooks`.
    scopes: Vec<&'static str>,
    #[serde(serialize_with = "iso_millis")]
    created_at: DateTime<Utc>,
    #[serde(serialize_with = "optional_iso_millis")]
    expires_at: Option<DateTime<Utc>>,
    /// To within some seconds; null when it was never used.
    #[serde(serialize_with = "optional_iso_millis")]
    last_used_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct ApiKeyList {
    keys: Vec<ApiKeyView>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct NewApiKeyView {
    /// The whole key. It is not shown again.
    key: String,
    #[serde(flatten)]
    about: ApiKeyView,
}

/// Nothing: there is no more to say.
#[derive(Debug, Serialize, ToSchema)]
pub struct ApiKeyRevoked {}

impl From<KeyCard> for ApiKeyView {
    fn from(card: KeyCard) -> Self {
        Self {
            id: card.id.as_uuid(),
            name: card.name,
            prefix: card.prefix,
            scopes: card.scopes.iter().map(|scope| scope.as_str()).collect(),
            created_at: card.created_at,
            expires_at: card.expires_at,
            last_used_at: card.last_used_at,
        }
    }
}

fn optional_iso_millis<S: Serializer>(moment: &Option<DateTime<Utc>>, serializer: S) -> Result<S::Ok, S::Error> {
    match moment {
        Some(moment) => iso_millis(moment, serializer),
        None => serializer.serialize_none(),
    }
}

/// One's API keys.
///
/// Those that were not revoked, the newest first.
#[utoipa::path(
    get,
    path = "/api/keys",
    tag = "keys",
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The keys, without their secrets.", body = Envelope<ApiKeyList>),
        (status = 401, description = "Not signed in.", body = ProblemBody),
        (status = 403, description = "Not with an API key.", body = ProblemBody),
        (status = 503, description = "A server behind us is away.", body = ProblemBody),
    )
)]
pub async fn list(accounts: Data<Accounts>, caller: CurrentUser) -> Result<Envelope<ApiKeyList>, Problem> {
    let keys = accounts.api_keys(caller.user_id).await?;
    Ok(success(ApiKeyList { keys: keys.into_iter().map(ApiKeyView::from).collect() }))
}

/// Makes an API key, for programs.
///
/// It is sent where a token is sent: `Authorization: Bearer sk-…`. With the scope `read` it sees tasks, results and credits and follows
/// them live, with `write` it creates, changes and cancels tasks, with `webhooks` it does everything about webhooks. Sessions, keys and
/// other matters of the account are not for keys, and neither is what only administrators may do.
#[utoipa::path(
    post,
    path = "/api/keys",
    tag = "keys",
    security(("bearer" = [])),
    request_body = CreateApiKey,
    responses(
        (status = 201, description = "The key; `key` is shown this once.", body = Envelope<NewApiKeyView>),
        (status = 400, description = "A field cannot be taken.", body = ProblemBody),
        (status = 401, description = "Not signed in.", body = ProblemBody),
        (status = 403, description = "Not with an API key.", body = ProblemBody),
        (status = 409, description = "There are 100 keys already.", body = ProblemBody),
        (status = 503, description = "A server behind us is away.", body = ProblemBody),
    )
)]
pub async fn create(
    accounts: Data<Accounts>,
    caller: CurrentUser,
    device: Device,
    Json(request): Json<CreateApiKey>,
) -> Result<HttpResponse, Problem> {
    let CreateApiKey { name, scopes, expires_at } = request;
    let wish = KeyWish::parse(name, scopes.map(ShortList::into_vec), expires_at, Utc::now()).map_err(Problem::validation)?;
    let new = accounts.create_api_key(caller.session_id()?, wish, device).await?;
    let view = NewApiKeyView { key: new.text.expose_secret().to_owned(), about: new.card.into() };
    Ok(HttpResponse::Created().json(success_with_message("keep the key: it is not shown again", view)))
}

/// Revokes an API key.
///
/// It is refused everywhere within two seconds, and its WebSockets are closed.
#[utoipa::path(
    delete,
    path = "/api/keys/{keyId}",
    tag = "keys",
    security(("bearer" = [])),
    params(("keyId" = Uuid, Path)),
    responses(
        (status = 200, description = "It is good for nothing any more.", body = Envelope<ApiKeyRevoked>),
        (status = 401, description = "Not signed in.", body = ProblemBody),
        (status = 403, description = "Not with an API key.", body = ProblemBody),
        (status = 404, description = "No such key, another user's, or one that was revoked.", body = ProblemBody),
        (status = 503, description = "A server behind us is away.", body = ProblemBody),
    )
)]
pub async fn revoke(
    accounts: Data<Accounts>,
    caller: CurrentUser,
    device: Device,
    Path(key): Path<ApiKeyId>,
) -> Result<Envelope<ApiKeyRevoked>, Problem> {
    accounts.revoke_api_key(caller.session_id()?, key, device).await?;
    Ok(success_with_message("the key is revoked", ApiKeyRevoked {}))
}
