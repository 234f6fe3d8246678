//! On a real Redis, and without one.

use std::{net::Ipv4Addr, slice};

use futures_util::future::join_all;
use serde_json::json;
use zoetrope_redis::{RedisSettings, cmd};

use super::*;
use crate::fixtures::redis;

fn limiter(redis: Redis) -> Limiter {
    let settings =
        json!({ "generation": { "limit": 5, "window_seconds": 3600 }, "login": { "limit": 5, "window_seconds": 3600 } });
    Limiter::new(serde_json::from_value(settings).unwrap(), redis).unwrap()
}

fn somebody() -> Subject {
    Subject::address(Ipv4Addr::LOCALHOST.into())
}

/// How many of so many requests are allowed, all at once.
async fn allowed(limiters: &[Limiter], count: usize) -> usize {
    let requests = limiters.iter().cycle().take(count).map(|limiter| limiter.decide(Class::Generation, somebody()));
    join_all(requests).await.into_iter().filter(|decision| decision.allowed).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_share_a_limit() {
    let redis = redis();
    let processes = [limiter(redis.clone()), limiter(redis.clone())];
    assert_eq!(allowed(&processes, 40).await, 5);
    assert_eq!(processes[0].decide(Class::Login, somebody()).await.remaining(), 4, "classes are counted apart");

    let name = redis.key(format_args!("limit:generation:{}", somebody()));
    let left: i64 = redis.ask(cmd("PTTL").arg(name).to_owned()).await.unwrap();
    assert!((3_000_000..=3_600_000).contains(&left), "the key is kept for {left} ms");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_redis_has_lost_it_is_told_again() {
    let redis = redis();
    let (first, second) = (limiter(redis.clone()), limiter(redis.clone()));
    assert_eq!(allowed(slice::from_ref(&first), 3).await, 3);
    let name = redis.key(format_args!("limit:generation:{}", somebody()));
    redis.ask::<u8>(cmd("DEL").arg(name).to_owned()).await.unwrap();

    assert_eq!(first.decide(Class::Generation, somebody()).await.remaining(), 1);
    assert_eq!(allowed(&[second], 10).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_redis_each_process_keeps_the_limit_alone() {
    let settings = RedisSettings { url: "redis://127.0.0.1:1/0".into(), key_prefix: String::new() };
    let redis = Redis::connect(&settings).unwrap();
    let started = Instant::now();
    assert_eq!(allowed(&[limiter(redis.clone())], 40).await, 5);
    assert_eq!(allowed(&[limiter(redis.clone()), limiter(redis)], 40).await, 10);
    assert!(started.elapsed() < Duration::from_secs(2), "requests waited for Redis");
}
