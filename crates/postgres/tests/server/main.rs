//! Against a real server: `scripts/test` starts one and names it in `ZOETROPE_TEST_POSTGRES_URL`.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "the whole crate is a test, its helpers included")]

mod migrations;
mod outages;
mod pipelined;
mod support;
mod transactions;
