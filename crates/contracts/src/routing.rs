use crate::{
    jobs::v1::{CancelJob, JobCancelled, JobFailed, JobProgressed, JobSucceeded, SubmitJob},
    mail::v1::SendMail,
    tasks::v1::{BalancesChanged, TaskCreated, TaskUpdated},
    users::v1::{AccessEnded, AccountTakenOver, ContactChanged, UserDeleted, UserRegistered},
};

/// Topic exchange for what has happened.
pub const EVENTS: &str = "zoetrope.events";
/// Topic exchange for what is to be done.
pub const COMMANDS: &str = "zoetrope.commands";

/// A message with its place on the bus.
///
/// The AMQP `type` property is [`prost::Name::full_name`], for example `zoetrope.tasks.v1.TaskUpdated`.
pub trait Message: prost::Message + prost::Name + Default {
    const EXCHANGE: &'static str;
    const ROUTING_KEY: &'static str;
    /// Whether a message that no queue takes is an error in the topology. False where nobody needs to listen.
    const MANDATORY: bool = true;
}

macro_rules! route {
    ($message:ty, $exchange:expr, $key:literal) => {
        impl Message for $message {
            const EXCHANGE: &'static str = $exchange;
            const ROUTING_KEY: &'static str = $key;
        }
    };
}

route!(SubmitJob, COMMANDS, "job.submit");
route!(CancelJob, COMMANDS, "job.cancel");
route!(SendMail, COMMANDS, "mail.send");
route!(JobProgressed, EVENTS, "job.progressed");
route!(JobSucceeded, EVENTS, "job.succeeded");
route!(JobFailed, EVENTS, "job.failed");
route!(JobCancelled, EVENTS, "job.cancelled");
route!(TaskUpdated, EVENTS, "task.updated");
route!(BalancesChanged, EVENTS, "balances.changed");
route!(UserRegistered, EVENTS, "user.registered");
route!(UserDeleted, EVENTS, "user.deleted");
route!(AccountTakenOver, EVENTS, "user.taken-over");
route!(ContactChanged, EVENTS, "user.contact-changed");

impl Message for TaskCreated {
    const EXCHANGE: &'static str = EVENTS;
    const ROUTING_KEY: &'static str = "task.created";
    const MANDATORY: bool = false;
}

impl Message for AccessEnded {
    const EXCHANGE: &'static str = EVENTS;
    const ROUTING_KEY: &'static str = "access.ended";
    // Who is not connected finds it in Redis.
    const MANDATORY: bool = false;
}
