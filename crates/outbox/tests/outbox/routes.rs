//! The messages and the topology name each other's exchanges and keys; only here both are in sight.

use zoetrope_bus::topology::ZOETROPE;
use zoetrope_contracts::{
    Message,
    jobs::v1::{CancelJob, JobFailed, JobProgressed, JobSucceeded, SubmitJob},
    mail::v1::SendMail,
    tasks::v1::{TaskCreated, TaskUpdated},
    users::v1::UserRegistered,
};

fn assert_routed<M: Message>() {
    assert!(ZOETROPE.has_exchange(M::EXCHANGE), "{}", M::NAME);
    assert!(!M::MANDATORY || ZOETROPE.routes(M::EXCHANGE, M::ROUTING_KEY), "no queue takes {}", M::NAME);
}

#[test]
fn every_message_that_must_be_heard_has_a_queue() {
    assert_routed::<SendMail>();
    assert_routed::<SubmitJob>();
    assert_routed::<CancelJob>();
    assert_routed::<JobProgressed>();
    assert_routed::<JobSucceeded>();
    assert_routed::<JobFailed>();
    assert_routed::<TaskCreated>();
    assert_routed::<TaskUpdated>();
    assert_routed::<UserRegistered>();
}
