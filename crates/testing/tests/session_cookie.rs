//! The session cookie of browsers: taken by every service, and not for pages of strangers.

use anyhow::{Context, Result};
use reqwest::{Client, Method, Response};
use serde_json::{Value, json};
use zoetrope_testing::{Platform, Service, User};

const LISTED: &str = "https://app.example";
const FOREIGN: &str = "https://evil.example";

/// A browser: it sends its cookie whatever the page.
struct Browser {
    http: Client,
    gateway: String,
    cookie: String,
}

impl Browser {
    fn of(platform: &Platform, token: &str) -> Self {
        Self { http: Client::new(), gateway: platform.gateway_url(), cookie: format!("theme=dark; auth-session={token}") }
    }

    async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: Value) -> Result<Response> {
        let mut request = self.http.request(method, format!("{}{path}", self.gateway)).header("cookie", &self.cookie);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Ok(if body.is_null() { request } else { request.json(&body) }.send().await?)
    }

    async fn get(&self, path: &str) -> Result<u16> {
        Ok(self.send(Method::GET, path, &[], Value::Null).await?.status().as_u16())
    }

    /// Posts something that every service has an answer to.
    async fn post(&self, path: &str, headers: &[(&str, &str)]) -> Result<u16> {
        let body = json!({ "name": "of a page", "url": "https://hook.example", "prompt": "a page's", "model": "sora-2" });
        Ok(self.send(Method::POST, path, headers, body).await?.status().as_u16())
    }
}

/// A POST of each service: auth, task-api, notifier.
const CREATES: [&str; 3] = ["/api/keys", "/api/video/tasks", "/api/webhooks"];

async fn platform() -> Result<(Platform, User)> {
    let mut builder = Platform::builder().replicas(Service::Poller, 0).replicas(Service::ProviderSim, 0);
    builder = builder.setting(Service::TaskApi, "credits.signup_grant", 10_000);
    for service in [Service::Auth, Service::TaskApi, Service::Notifier] {
        builder = builder.setting(service, "http.allowed_origins", vec![LISTED]);
    }
    let platform = builder.start().await?;
    let user = platform.user().await?;
    Ok((platform, user))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_is_signed_in_by_its_cookie_on_pages_of_ours() -> Result<()> {
    let (platform, user) = platform().await?;
    let browser = Browser::of(&platform, user.token());
    for path in ["/api/auth/sessions", "/api/video/tasks", "/api/webhooks"] {
        assert_eq!(browser.get(path).await?, 200, "{path}");
    }
    let stream = browser.send(Method::GET, "/api/events", &[("accept", "text/event-stream")], Value::Null).await?;
    assert_eq!(stream.status(), 200);

    let own = platform.gateway_url();
    let page = format!("{own}/studio");
    for path in CREATES {
        for ours in [("origin", own.as_str()), ("origin", LISTED), ("referer", page.as_str())] {
            assert_eq!(browser.post(path, &[ours]).await?, 201, "{path} with {ours:?}");
        }
        let foreign: [&[(&str, &str)]; 5] = [
            &[],
            &[("origin", "null"), ("referer", &page)],
            &[("origin", FOREIGN)],
            &[("referer", "https://evil.example/page")],
            // What a client says of the gateway is not what the gateway says.
            &[("origin", FOREIGN), ("x-forwarded-proto", "https"), ("x-forwarded-host", "evil.example")],
        ];
        for headers in foreign {
            let answer = browser.send(Method::POST, path, headers, json!({})).await?;
            assert_eq!(answer.status(), 403, "{path} with {headers:?}");
            assert_eq!(answer.json::<Value>().await?["code"], "ORIGIN_NOT_ALLOWED");
        }
        // Who brings a token needs no page, and the token decides.
        let bearer = format!("Bearer {}", user.token());
        assert_eq!(browser.post(path, &[("authorization", &bearer), ("origin", FOREIGN)]).await?, 201, "{path}");
        assert_eq!(browser.post(path, &[("authorization", "Bearer no"), ("origin", &own)]).await?, 401, "{path}");
    }

    // A cookie that is no good any more shuts nobody out of what is for everybody, and lets nobody into the rest.
    let stale = Browser::of(&platform, "no.longer.good");
    assert_eq!((stale.get("/api/auth/me").await?, stale.get("/api/auth/sessions").await?), (200, 401));
    let wrong = stale.send(Method::POST, "/api/auth/login", &[], json!({ "username": 1 })).await?;
    assert_eq!(wrong.status(), 400);
    for path in CREATES {
        assert_eq!(stale.post(path, &[("origin", &own)]).await?, 401, "{path}");
    }

    // A foreign page cannot sign anybody out; our own can, everywhere.
    assert_eq!(browser.post("/api/auth/logout", &[("origin", FOREIGN)]).await?, 403);
    assert_eq!(browser.get("/api/auth/sessions").await?, 200);
    assert_eq!(browser.post("/api/auth/logout", &[("origin", &own)]).await?, 200);
    assert_eq!(browser.get("/api/auth/sessions").await?, 401);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_told_what_they_may_do() -> Result<()> {
    let (platform, user) = platform().await?;
    let browser = Browser::of(&platform, user.token());
    let header =
        |answer: &Response, name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    for path in ["/api/auth/sessions", "/api/video/tasks", "/api/webhooks", "/api/nothing-there"] {
        for (origin, allowed, credentials) in [(LISTED, LISTED, Some("true")), (FOREIGN, "*", None)] {
            let ask = [("origin", origin), ("access-control-request-method", "POST")];
            for (method, headers) in [(Method::OPTIONS, &ask[..]), (Method::GET, &ask[..1])] {
                let answer = browser.send(method.clone(), path, headers, Value::Null).await?;
                assert_eq!(answer.status() == 204, method == Method::OPTIONS, "{path}");
                let origins: Vec<_> = answer.headers().get_all("access-control-allow-origin").iter().collect();
                assert_eq!(origins, [allowed], "{method} {path} from {origin}");
                assert_eq!(header(&answer, "access-control-allow-credentials").as_deref(), credentials, "{method} {path}");
                assert!(answer.headers().get_all("vary").iter().any(|names| names == "Origin"), "{method} {path}");
                let allowed = header(&answer, "access-control-allow-headers").unwrap_or_default().to_lowercase();
                for name in ["authorization", "content-type", "idempotency-key"] {
                    assert_eq!(allowed.contains(name), method == Method::OPTIONS, "{name}: {allowed}");
                }
                let exposed = header(&answer, "access-control-expose-headers").context("exposed")?;
                assert!(exposed.contains("X-Request-Id") && exposed.contains("X-RateLimit-Remaining"), "{exposed}");
            }
        }
    }

    // What libraries add by themselves is granted everywhere, and to a page without cookies whatever it asks for.
    let usual = "authorization, baggage, cache-control, sentry-trace, x-requested-with, x-stainless-os, x-stainless-retry-count";
    for path in ["/api/auth/me", "/api/video/tasks", "/api/webhooks", "/api-docs.json"] {
        for (origin, asked) in [(LISTED, usual), (FOREIGN, usual), (FOREIGN, "x-of-its-own")] {
            let ask = [("origin", origin), ("access-control-request-method", "GET"), ("access-control-request-headers", asked)];
            let answer = browser.send(Method::OPTIONS, path, &ask, Value::Null).await?;
            assert_eq!(answer.status(), 204, "{path} from {origin}");
            let allowed = header(&answer, "access-control-allow-headers").unwrap_or_default().to_lowercase();
            let missing: Vec<&str> = asked.split(", ").filter(|name| !allowed.split(", ").any(|known| known == *name)).collect();
            assert!(missing.is_empty(), "{path} from {origin} does not grant {missing:?}: {allowed}");
        }
    }

    for (path, policy, frames) in [
        ("/api/video/tasks", "default-src 'none'; frame-ancestors 'none'", Some("DENY")),
        ("/api/openapi", "default-src 'none'; frame-ancestors 'none'", Some("DENY")),
        // Swagger UI lives from scripts and styles of its own.
        ("/api-docs/", "default-src 'self'; img-src", Some("DENY")),
        // Other sites play what they have a link to.
        ("/media/videos/x/video.mp4", "", None),
    ] {
        let answer = browser.send(Method::GET, path, &[], Value::Null).await?;
        let told = header(&answer, "content-security-policy").unwrap_or_default();
        assert!(told.starts_with(policy) && told.is_empty() == policy.is_empty(), "{path}: {told}");
        assert_eq!(header(&answer, "x-frame-options").as_deref(), frames, "{path}");
        assert_eq!(header(&answer, "x-content-type-options").as_deref(), Some("nosniff"), "{path}");
        assert_eq!(header(&answer, "referrer-policy").as_deref(), Some("no-referrer"), "{path}");
        // The gateway speaks no TLS here.
        assert_eq!(header(&answer, "strict-transport-security"), None);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn no_foreign_page_gives_or_takes_a_cookie() -> Result<()> {
    let (platform, user) = platform().await?;
    let (own, database) = (platform.gateway_url(), platform.database().await?);
    let http = Client::new();
    let password = json!({ "username": user.name(), "password": User::PASSWORD }).to_string();
    let send = async |path: &str, headers: &[(&str, &str)], body: &str| {
        let mut request = http.post(format!("{own}{path}")).body(body.to_owned());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Ok::<_, anyhow::Error>(request.send().await?)
    };
    let json = ("content-type", "application/json");
    let signs_in = [("/api/auth/login", 200), ("/api/auth/register", 201), ("/api/auth/verify-code", 400)];
    for (path, good) in signs_in {
        let body =
            if path.ends_with("register") { r#"{"username":"page-1","password":"correct horse battery"}"# } else { &password };
        for (headers, status) in [
            (&[("origin", FOREIGN)][..], 403),
            (&[json, ("origin", FOREIGN)], 403),
            (&[json, ("origin", "null")], 403),
            (&[json, ("referer", "https://evil.example/page")], 403),
            (&[("origin", own.as_str())], 415),
            (&[("origin", own.as_str()), ("content-type", "")], 415),
            (&[], 415),
            (&[("content-type", "text/plain")], 415),
            (&[("content-type", "application/x-www-form-urlencoded"), ("origin", LISTED)], 415),
        ] {
            let answer = send(path, headers, body).await?;
            assert_eq!(answer.status(), status, "{path} {headers:?}");
            assert!(!answer.headers().contains_key("set-cookie"), "{path} {headers:?}");
        }
        // Programs name no page.
        let answer = send(path, &[json], body).await?;
        assert_eq!((answer.status().as_u16(), answer.headers().contains_key("set-cookie")), (good, good != 400), "{path}");
    }
    for origin in [own.as_str(), LISTED] {
        assert_eq!(send("/api/auth/login", &[json, ("origin", origin)], &password).await?.status(), 200, "{origin}");
    }
    let before: i64 = database.query_one("SELECT count(*) FROM auth.users WHERE username = 'page-1'", &[]).await?.get(0);
    assert_eq!(before, 1);

    // Nor does it sign anybody out: a browser sends no cookie of ours along, and would obey the answer.
    let out = send("/api/auth/logout", &[("origin", FOREIGN)], "").await?;
    assert_eq!((out.status().as_u16(), out.headers().contains_key("set-cookie")), (403, false));
    let bearer = format!("Bearer {}", user.token());
    let out = send("/api/auth/logout", &[("origin", FOREIGN), ("authorization", &bearer)], "").await?;
    assert_eq!((out.status().as_u16(), out.headers().contains_key("set-cookie")), (200, false));
    let out = send("/api/auth/logout", &[], "").await?;
    assert_eq!((out.status().as_u16(), out.headers().contains_key("set-cookie")), (200, true));
    Ok(())
}
