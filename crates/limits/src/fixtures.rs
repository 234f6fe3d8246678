//! What several tests use.

use uuid::Uuid;
use zoetrope_redis::{Redis, RedisSettings};

/// A real Redis, with keys of a test's own. Must be called on a multi-thread runtime.
pub(crate) fn redis() -> Redis {
    let url =
        std::env::var("ZOETROPE_TEST_REDIS_URL").expect("ZOETROPE_TEST_REDIS_URL is not set: run the tests with scripts/test");
    Redis::connect(&RedisSettings { url: url.into(), key_prefix: format!("{}:", Uuid::new_v4()) }).unwrap()
}
