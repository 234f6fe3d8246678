//! Tests that stop servers: a process is killed in the middle of its work, or PostgreSQL, RabbitMQ or Redis goes away and comes back.
//!
//! They have servers of their own, which both files share, and mostly wait for them. As a package of their own they can be run beside all
//! other tests, which `scripts/test` does. There is nothing in here but the tests.
