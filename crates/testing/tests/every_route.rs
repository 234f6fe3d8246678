//! Every route of every service refuses every credential that is not good.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use tokio::process::Command;
use uuid::Uuid;
use zoetrope_testing::{Platform, Service, User, binary, eventually};

/// For everybody, whatever they bring along.
const PUBLIC: [&str; 22] = [
    "GET /.well-known/jwks.json",
    // By the link that was mailed.
    "GET /api/auth/confirm-email",
    "POST /api/auth/confirm-email",
    "GET /api/v1/users/recent",
    "GET /health",
    "GET /media/avatars/{file}",
    // The link is signed.
    "GET /media/videos/{task}/{file}",
    // Signs in by its first frame.
    "GET /ws",
    // Tells nobody who has an account.
    "POST /api/auth/forgot-password",
    "POST /api/auth/login",
    // Nobody who wants to be signed out is turned away.
    "POST /api/auth/logout",
    // By its cookie.
    "POST /api/auth/refresh-token",
    "POST /api/auth/register",
    // By the link that was mailed.
    "POST /api/auth/reset-password",
    // Tells nobody who has an account, either.
    "POST /api/auth/send-code",
    // By the code that was mailed.
    "POST /api/auth/verify-code",
    // Judges the token in its body.
    "POST /api/auth/verify",
    // By what Google or WeChat says, or by a password.
    "POST /api/v1/auth/google",
    "POST /api/auth/wechat/login",
    "POST /api/auth/admin/login",
    // By the token in its body.
    "POST /api/v1/auth/refresh",
    // Tells that nobody is signed in. Bad credentials are refused: see OPTIONAL.
    "GET /api/auth/me",
];

/// Those of them that take a credential if there is one.
const OPTIONAL: [&str; 1] = ["GET /api/auth/me"];

/// Takes no cookie: it would show to a page the token that the cookie hides from it.
const COOKIELESS: [&str; 1] = ["POST /api/auth/refresh"];

/// Other names of documented routes.
const ALIASES: [&str; 2] = ["GET /api/v1/videos/{id}/stream", "POST /videos/generate-stream"];

const READ: &[&str] = &["read"];
const WRITE: &[&str] = &["write"];
const WEBHOOKS: &[&str] = &["webhooks"];

/// Which scopes an API key needs, all of them together. A route that is not here is for people who signed in, or for everybody.
///
/// Whoever adds a route for keys adds it here: what answers with what is stored needs `read` (or `webhooks`), whatever its method.
const KEYS: &[(&str, &[&str])] = &[
    ("GET /api/auth/me", READ),
    ("GET /api/v1/auth/me", READ),
    ("GET /api/video/tasks", READ),
    // Answers with what was sent.
    ("POST /api/video/tasks", WRITE),
    ("POST /api/video/tasks/recover", READ),
    ("GET /api/video/tasks/{videoId}", READ),
    // Answers with the task to those who have `read` as well.
    ("POST /api/video/tasks/{videoId}/cancel", WRITE),
    ("GET /api/video/tasks/{videoId}/content", READ),
    ("POST /api/video/tasks/{videoId}/refresh-url", READ),
    ("GET /api/video/stats", READ),
    ("POST /api/videos/generate-stream", &["read", "write"]),
    ("POST /videos/generate-stream", &["read", "write"]),
    ("GET /api/v1/videos/{id}/events", READ),
    ("GET /api/v1/videos/{id}/stream", READ),
    ("GET /api/credits/balance", READ),
    ("GET /api/events", READ),
    ("GET /api/tasks/{id}/events", READ),
    ("GET /api/notifications/preferences", READ),
    // Answers with what was sent.
    ("PUT /api/notifications/preferences", WRITE),
    ("GET /api/webhooks", WEBHOOKS),
    ("POST /api/webhooks", WEBHOOKS),
    ("GET /api/webhooks/callback-deliveries", WEBHOOKS),
    ("GET /api/webhooks/callback-deliveries/{deliveryId}", WEBHOOKS),
    ("POST /api/webhooks/callback-deliveries/{deliveryId}/resend", WEBHOOKS),
    ("GET /api/webhooks/callback-secret", WEBHOOKS),
    ("POST /api/webhooks/callback-secret/rotate", WEBHOOKS),
    ("GET /api/webhooks/{webhookId}", WEBHOOKS),
    ("PATCH /api/webhooks/{webhookId}", WEBHOOKS),
    ("DELETE /api/webhooks/{webhookId}", WEBHOOKS),
    ("POST /api/webhooks/{webhookId}/rotate-secret", WEBHOOKS),
    ("POST /api/webhooks/{webhookId}/test", WEBHOOKS),
    ("POST /api/webhooks/{webhookId}/replay", WEBHOOKS),
    ("GET /api/webhooks/{webhookId}/deliveries", WEBHOOKS),
    ("POST /api/webhooks/{webhookId}/deliveries/{deliveryId}/resend", WEBHOOKS),
];

struct Forger {
    header: Header,
    claims: Value,
    own: EncodingKey,
    stranger: EncodingKey,
    public: Vec<u8>,
    public_text: String,
}

/// The first key of a folder.
fn signing_key(directory: &Path) -> Result<EncodingKey> {
    let keys: Value = serde_json::from_slice(&fs::read(directory.join("signing-keys.json"))?)?;
    Ok(EncodingKey::from_ed_pem(keys["keys"][0]["private_key"].as_str().context("private_key")?.as_bytes())?)
}

impl Forger {
    /// Works from a good token and the files of the platform.
    async fn of(platform: &Platform, user: &User) -> Result<Self> {
        let settings: toml::Table = fs::read_to_string(platform.settings(Service::Auth)?)?.parse()?;
        let file = |section: &str, key: &str| settings[section][key].as_str().map(PathBuf::from).context("no file");
        let directory = platform.directory().join("strange-keys");
        let made = Command::new(binary("auth")?).args(["keys", "generate", "--out"]).arg(&directory).status().await?;
        ensure!(made.success());
        let public_text = fs::read_to_string(file("tokens", "jwks_path")?)?;
        let jwks: Value = serde_json::from_str(&public_text)?;
        let mut parts = user.token().split('.');
        let mut next = || URL_SAFE_NO_PAD.decode(parts.next().unwrap_or_default());
        Ok(Self {
            header: serde_json::from_slice(&next()?)?,
            claims: serde_json::from_slice(&next()?)?,
            own: signing_key(&file("keys", "directory")?)?,
            stranger: signing_key(&directory)?,
            public: URL_SAFE_NO_PAD.decode(jwks["keys"][0]["x"].as_str().context("x")?)?,
            public_text,
        })
    }

    fn with(&self, name: &str, value: impl Into<Value>) -> Value {
        let mut claims = self.claims.clone();
        claims[name] = value.into();
        claims
    }

    fn hs256(&self, secret: &[u8]) -> Result<String> {
        let header = Header { kid: self.header.kid.clone(), ..Header::new(Algorithm::HS256) };
        Ok(encode(&header, &self.claims, &EncodingKey::from_secret(secret))?)
    }

    fn tokens(&self) -> Result<Vec<(&'static str, String)>> {
        // The forger knows the trade: what is only told anew is taken.
        let genuine = encode(&self.header, &self.with("iat", 1), &self.own)?;
        let (head, signature) = genuine.rsplit_once('.').context("token")?;
        let (header, _) = head.split_once('.').context("token")?;
        let unsigned = json!({ "typ": "JWT", "alg": "none", "kid": self.header.kid }).to_string();
        let part = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
        let unknown = Header { kid: Some("unknown".to_owned()), ..self.header.clone() };
        Ok(vec![
            ("nonsense", "nonsense".to_owned()),
            ("an API key that never was", format!("sk-{}", URL_SAFE_NO_PAD.encode([7; 48]))),
            ("an expired token", encode(&self.header, &self.with("exp", 1_763_700_000), &self.own)?),
            ("alg none", format!("{}.{}.", URL_SAFE_NO_PAD.encode(unsigned), part(&self.claims))),
            ("HS256 with the public key", self.hs256(&self.public)?),
            ("HS256 with the text of the key set", self.hs256(self.public_text.as_bytes())?),
            ("an unknown kid", encode(&unknown, &self.claims, &self.own)?),
            ("another's key under our kid", encode(&self.header, &self.claims, &self.stranger)?),
            ("another issuer", encode(&self.header, &self.with("iss", "other"), &self.own)?),
            ("another audience", encode(&self.header, &self.with("aud", "other"), &self.own)?),
            ("changed claims", format!("{header}.{}.{signature}", part(&self.with("role", "ADMIN")))),
        ])
    }

    fn genuine(&self) -> Result<String> {
        Ok(encode(&self.header, &self.claims, &self.own)?)
    }
}

/// `METHOD path` of everything that the merged description holds, and of its other names.
async fn routes(platform: &Platform) -> Result<Vec<String>> {
    let description = platform.nobody().get("/api-docs.json").await?.ok()?;
    let mut routes: Vec<String> = ALIASES.map(str::to_owned).into();
    for (path, methods) in description["paths"].as_object().context("paths")? {
        for (method, operation) in methods.as_object().context("methods")? {
            let route = format!("{} {path}", method.to_uppercase());
            ensure!(PUBLIC.contains(&route.as_str()) || operation["security"].is_array(), "{route} does not say who may use it");
            routes.push(route);
        }
    }
    Ok(routes)
}

/// Who a caller says to be.
#[derive(Clone, Copy)]
enum Credential<'a> {
    None,
    Bearer(&'a str),
    /// The session cookie, as a browser sends it when no page of ours made the request.
    Cookie(&'a str),
}

struct Knocker {
    http: Client,
    gateway: String,
}

impl Knocker {
    async fn knock(&self, route: &str, credential: Credential<'_>) -> Result<u16> {
        let (method, path) = route.split_once(' ').context("route")?;
        let path: Vec<String> = path
            .split('/')
            .map(|part| if part.starts_with('{') { Uuid::new_v4().to_string() } else { part.to_owned() })
            .collect();
        let mut request =
            self.http.request(Method::from_bytes(method.as_bytes())?, format!("{}{}", self.gateway, path.join("/")));
        if matches!(method, "POST" | "PUT" | "PATCH") {
            request = request.json(&json!({}));
        }
        request = match credential {
            Credential::None => request,
            Credential::Bearer(token) => request.bearer_auth(token),
            Credential::Cookie(token) => request.header("cookie", format!("auth-session={token}")),
        };
        Ok(request.send().await?.status().as_u16())
    }
}

fn is_refusal(status: u16) -> bool {
    matches!(status, 401 | 403 | 404)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_refuses_every_bad_credential() -> Result<()> {
    let platform = Platform::start().await?;
    let (user, suspended) = (platform.user().await?, platform.user().await?);
    let key = suspended.post("/api/keys", json!({ "name": "left" })).await?.ok()?;
    let key = suspended.with_token(key["data"]["key"].as_str().context("key")?);
    let routes = routes(&platform).await?;
    for known in PUBLIC {
        ensure!(routes.iter().any(|route| route == known), "{known} is no route any more");
    }
    let forger = Forger::of(&platform, &user).await?;
    let knocker = Knocker { http: Client::new(), gateway: platform.gateway_url() };
    // The forger's tools are good: what it signs properly is taken.
    assert_eq!(knocker.knock("GET /api/video/tasks", Credential::Bearer(&forger.genuine()?)).await?, 200);

    let mut command = Command::new(binary("auth")?);
    let done = command.args(["suspend", suspended.name(), "--config"]);
    ensure!(done.arg(platform.settings(Service::Auth)?).status().await?.success());
    for out in [&suspended, &key] {
        eventually("the end of the suspended user's credentials", Duration::from_secs(2), async || {
            // Of auth a route that asks no database: then the process itself has heard of it.
            for route in ["GET /api/auth/sessions", "GET /api/video/tasks", "GET /api/webhooks"] {
                let status = knocker.knock(route, Credential::Bearer(out.token())).await?;
                ensure!(status == 401, "{route}: {status}");
            }
            Ok(())
        })
        .await?;
    }

    let mut bad: Vec<(&str, Option<String>)> = vec![("no token", None)];
    bad.extend(forger.tokens()?.into_iter().map(|(what, token)| (what, Some(token))));
    bad.push(("a suspended user's token", Some(suspended.token().to_owned())));
    bad.push(("a suspended user's API key", Some(key.token().to_owned())));

    let mut let_in = Vec::new();
    let mut refused = 0;
    for route in &routes {
        let (is_public, is_optional) = (PUBLIC.contains(&route.as_str()), OPTIONAL.contains(&route.as_str()));
        let mut tries = Vec::new();
        for (what, token) in &bad {
            let credential = token.as_deref().map_or(Credential::None, Credential::Bearer);
            if !is_public || (is_optional && token.is_some()) {
                tries.push((*what, credential));
            }
        }
        // A cookie is never too bad for what is for everybody.
        let cookies = bad.iter().filter_map(|(what, token)| Some((*what, Credential::Cookie(token.as_deref()?))));
        tries.extend(cookies.filter(|_| !is_public));
        if !is_public && !route.starts_with("GET ") {
            tries.push(("a good cookie on a foreign page", Credential::Cookie(user.token())));
        }
        for (what, credential) in tries {
            let status = knocker.knock(route, credential).await?;
            let expected = match what {
                "a good cookie on a foreign page" if COOKIELESS.contains(&route.as_str()) => status == 401,
                "a good cookie on a foreign page" => status == 403,
                _ => is_refusal(status),
            };
            if expected {
                refused += 1;
            } else {
                let_in.push(format!("{route} with {what}: {status}"));
            }
        }
    }
    assert!(let_in.is_empty(), "not refused:\n{}", let_in.join("\n"));
    assert!(refused > 600, "only {refused} were tried");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_takes_the_keys_that_it_says_and_no_others() -> Result<()> {
    let platform = Platform::builder().replicas(Service::Poller, 0).replicas(Service::ProviderSim, 0).start().await?;
    let user = platform.user().await?;
    let knocker = Knocker { http: Client::new(), gateway: platform.gateway_url() };
    let routes = routes(&platform).await?;
    for (known, _) in KEYS {
        ensure!(routes.iter().any(|route| route == known), "{known} is no route any more");
    }
    let mut keys = Vec::new();
    for scopes in
        [READ, WRITE, WEBHOOKS, &["write", "webhooks"], &["read", "webhooks"], &["read", "write"], &["read", "write", "webhooks"]]
    {
        let made = user.post("/api/keys", json!({ "name": scopes.join(" "), "scopes": scopes })).await?.ok()?;
        keys.push((scopes, made["data"]["key"].as_str().context("key")?.to_owned()));
    }
    let mut wrong = Vec::new();
    let is_for_all = |route: &str| PUBLIC.contains(&route) && !OPTIONAL.contains(&route);
    for route in routes.iter().filter(|route| !is_for_all(route)) {
        let needed = KEYS.iter().find(|(known, _)| known == route).map(|(_, scopes)| *scopes);
        for (scopes, key) in &keys {
            let is_good = needed.is_some_and(|needed| needed.iter().all(|scope| scopes.contains(scope)));
            let status = knocker.knock(route, Credential::Bearer(key)).await?;
            // One that takes nothing but tokens of sessions may not even say that a key is one.
            if !matches!(status, 401 | 403) != is_good {
                wrong.push(format!("{route} with a key for {}: {status}", scopes.join(", ")));
            }
        }
    }
    assert!(wrong.is_empty(), "not as declared:\n{}", wrong.join("\n"));
    Ok(())
}
