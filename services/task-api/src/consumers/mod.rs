//! What this service hears on the bus.

mod job_events;
mod task_updates;
mod user_events;

pub use job_events::JobEvents;
pub use task_updates::TaskUpdates;
pub use user_events::UserEvents;
use zoetrope_bus::HandleError;
use zoetrope_postgres::DatabaseError;

fn handle_error(error: DatabaseError) -> HandleError {
    if error.is_unavailable() { HandleError::unavailable(error) } else { HandleError::failed(error) }
}
