//! Nobody gets more than their share, whichever replica they ask, whatever they claim, and whether or not Redis is there.

use std::{
    fs,
    time::{Duration, SystemTime},
};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use toml::toml;
use zoetrope_testing::{Answer, Platform, PlatformBuilder, Server, Servers, Service, User, eventually};

const X_FORWARDED_FOR: &str = "X-Forwarded-For";
const BALANCE: &str = "/api/credits/balance";

/// The services count together, so they have the same limits.
fn with_limit(builder: PlatformBuilder, class: &str, limit: i64) -> PlatformBuilder {
    let limit = toml! { limit = limit window_seconds = 3600 };
    [Service::Auth, Service::TaskApi, Service::Notifier]
        .into_iter()
        .fold(builder, |builder, service| builder.setting(service, &format!("limits.{class}"), limit.clone()))
}

/// The numbers in the headers that tell how a client stands.
fn standing(answer: &Answer) -> Result<(u64, u64, u64)> {
    let number = |name: &str| -> Result<u64> {
        let value = answer.headers.get(name).with_context(|| format!("no {name}: {} {}", answer.status, answer.body))?;
        Ok(value.to_str()?.parse()?)
    };
    Ok((number("x-ratelimit-limit")?, number("x-ratelimit-remaining")?, number("x-ratelimit-reset")?))
}

fn remaining(answer: &Answer) -> Result<u64> {
    Ok(standing(answer)?.1)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_has_one_limit_with_all_replicas_of_all_services() -> Result<()> {
    let builder = with_limit(Platform::builder().replicas(Service::TaskApi, 2), "general", 4);
    let mut platform = builder.start().await?;
    let (ann, bob) = (platform.user().await?, platform.user().await?);

    let paths = ["/api/auth/me", BALANCE, "/api/webhooks", BALANCE];
    for (path, left) in paths.into_iter().zip([3, 2, 1, 0]) {
        let answer = ann.get(path).await?;
        assert_eq!((answer.status, remaining(&answer)?), (200, left), "{path}: {}", answer.body);
    }
    for path in paths {
        let refused = ann.get(path).await?;
        assert_eq!(refused.status, 429, "{path}: {}", refused.body);
        // All is there again after an hour, and a request after a quarter of one.
        let (limit, left, reset) = standing(&refused)?;
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_secs();
        assert_eq!((limit, left), (4, 0));
        assert!((now + 3500..=now + 3601).contains(&reset), "{reset} is not about an hour after {now}");
        let wait: u64 = refused.headers["retry-after"].to_str()?.parse()?;
        assert!((800..=900).contains(&wait), "{wait}");
        assert_eq!((&refused.body["code"], &refused.body["retryAfter"]), (&json!("RATE_LIMITED"), &json!(wait)));
        assert_eq!(refused.body["requestId"], refused.headers["x-request-id"].to_str()?);
        let exposed = refused.headers["access-control-expose-headers"].to_str()?;
        assert!(exposed.contains("X-RateLimit-Remaining"), "{exposed}");
    }
    for replica in 0..2 {
        let url = format!("{}{BALANCE}", platform.process(Service::TaskApi, replica)?.url());
        let answer = reqwest::Client::new().get(url).bearer_auth(ann.token()).send().await?;
        assert_eq!(answer.status(), 429, "replica {replica}");
    }

    // Another user from the same address has a limit of their own, and so have other requests of the same user.
    assert_eq!(remaining(&bob.get(BALANCE).await?)?, 3);
    assert_eq!(ann.get("/api/video/stats").await?.status, 200);
    assert!(ann.get("/health").await?.headers.get("x-ratelimit-limit").is_none());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_caller_is_an_address_whatever_they_claim() -> Result<()> {
    let builder = Platform::builder().setting(Service::TaskApi, "credits.signup_grant", 1000);
    let builder = [("general", 3), ("register", 2), ("login", 2), ("generation", 2)]
        .into_iter()
        .fold(builder, |builder, (class, limit)| with_limit(builder, class, limit));
    let platform = builder.start().await?;
    let nobody = platform.nobody();

    // Whoever registers comes from the address that they come from, signed in or not.
    let ann = platform.user().await?;
    let newcomer = |name: &str| json!({ "username": name, "password": User::PASSWORD });
    let second = ann.post_with_header("/api/auth/register", &newcomer("second"), X_FORWARDED_FOR, "192.0.2.1").await?;
    assert_eq!((second.status, remaining(&second)?), (201, 0), "{}", second.body);
    for user in [&ann, &nobody, &nobody.with_token(second.body["data"]["token"].as_str().context("token")?)] {
        let third = user.post_with_header("/api/auth/register", &newcomer("third"), X_FORWARDED_FOR, "192.0.2.2").await?;
        assert_eq!(third.status, 429, "{}", third.body);
    }
    let credentials = json!({ "username": ann.name(), "password": "a wrong guess" });
    for (user, status) in [(&nobody, 401), (&ann, 401), (&nobody, 429), (&ann, 429)] {
        assert_eq!(user.post("/api/auth/login", credentials.clone()).await?.status, status);
    }

    // Without a token, or with a bad one, only the address counts.
    let forger = nobody.with_token("not-a-token");
    for (number, status) in [401, 401, 401, 429, 429, 429].into_iter().enumerate() {
        let caller = if number % 2 == 0 { &nobody } else { &forger };
        let answer =
            caller.get_with_header(BALANCE, X_FORWARDED_FOR, &format!("198.51.100.{number}, 203.0.113.{number}")).await?;
        assert_eq!(answer.status, status, "{number}: {}", answer.body);
        assert_eq!(standing(&answer)?.0, 3);
    }
    assert_eq!(ann.balance().await?, 1000);

    // What is refused is not made and costs nothing.
    for status in [201, 201, 429] {
        let body = json!({ "prompt": "a boat", "model": "sora-2" });
        assert_eq!(ann.post("/api/video/tasks", body).await?.status, status);
    }
    assert_eq!(ann.post("/api/video/%74asks", Value::Null).await?.status, 429);
    assert_eq!(ann.get("/api/video/stats").await?.ok()?["data"]["total"], 2);
    assert_eq!(ann.balance().await?, 800);
    Ok(())
}

/// Decisions of this replica that its figures tell of.
async fn decisions(platform: &mut Platform, class: &str, outcome: &str, by: &str) -> Result<u64> {
    let labels = format!("{{class=\"{class}\",outcome=\"{outcome}\",by=\"{by}\"}} ");
    let metrics = platform.process(Service::TaskApi, 0)?.metrics().await?;
    let line = metrics.lines().find_map(|line| line.strip_prefix("zoetrope_rate_limit_decisions_total")?.strip_prefix(&labels));
    Ok(line.map(str::parse).transpose()?.unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread")]
async fn without_redis_limits_go_on_and_nobody_is_refused_wrongly() -> Result<()> {
    let servers = Servers::faults()?;
    for server in Server::ALL {
        servers.start(server).await?;
    }
    let mut platform = with_limit(Platform::builder().servers(servers.clone()), "general", 4).start().await?;
    let (ann, bob) = (platform.user().await?, platform.user().await?);
    for left in [3, 2] {
        assert_eq!(remaining(&ann.get(BALANCE).await?)?, left);
    }
    assert_eq!(decisions(&mut platform, "general", "allowed", "shared").await?, 2);

    servers.stop(Server::Redis).await?;
    // The process remembers what ann had left, and bob has all of it.
    for (user, lefts) in [(&ann, vec![1, 0]), (&bob, vec![3, 2, 1, 0])] {
        for left in lefts {
            let answer = user.get(BALANCE).await?;
            assert_eq!((answer.status, remaining(&answer)?), (200, left), "{}", answer.body);
        }
        assert_eq!(user.get(BALANCE).await?.status, 429);
    }
    assert_eq!(decisions(&mut platform, "general", "allowed", "alone").await?, 6);
    assert_eq!(decisions(&mut platform, "general", "refused", "remembered").await?, 2);
    let log = fs::read_to_string(platform.process(Service::TaskApi, 0)?.log())?;
    assert_eq!(log.matches("Redis is away").count(), 1, "{log}");

    servers.start(Server::Redis).await?;
    eventually("decisions with Redis", Duration::from_secs(20), async || {
        ann.get("/api/video/stats").await?.ok()?;
        ensure!(decisions(&mut platform, "video", "allowed", "shared").await? > 0, "still alone");
        Ok(())
    })
    .await?;
    assert_eq!(bob.get(BALANCE).await?.status, 429);
    Ok(())
}
