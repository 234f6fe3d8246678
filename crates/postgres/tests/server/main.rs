//! Against a real server: `scripts/test` starts one and names it in `ZOETROPE_TEST_POSTGRES_URL`.

mod migrations;
mod outages;
mod support;
mod transactions;
