//! The outbox and the inbox on a real PostgreSQL and a real RabbitMQ.

#[path = "../../../bus/tests/bus/broker.rs"]
#[expect(dead_code, reason = "shared with the tests of the bus, which need more of it")]
mod broker;
mod database;
mod inbox;
mod listener;
#[path = "../../../bus/tests/bus/proxy.rs"]
#[expect(dead_code, reason = "shared with the tests of the bus, which need more of it")]
mod proxy;
mod relay;
mod replica;
mod routes;
