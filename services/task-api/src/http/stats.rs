use actix_web::web::Data;
use serde::Serialize;
use utoipa::ToSchema;
use zoetrope_domain::TaskStatus;
use zoetrope_http::{
    CurrentUser, Problem, ProblemBody,
    envelope::{Envelope, success},
};

use super::problems::query_problem;
use crate::{app::App, store::stats};

/// How many tasks a user has. A cancelled one counts in the total alone.
#[derive(Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Stats {
    total: i64,
    completed: i64,
    failed: i64,
    processing: i64,
    queued: i64,
}

impl FromIterator<(TaskStatus, i64)> for Stats {
    fn from_iter<I: IntoIterator<Item = (TaskStatus, i64)>>(counts: I) -> Self {
        let mut stats = Self::default();
        for (status, count) in counts {
            stats.total += count;
            match status {
                TaskStatus::Completed => stats.completed += count,
                TaskStatus::Failed => stats.failed += count,
                TaskStatus::Processing => stats.processing += count,
                TaskStatus::Queued => stats.queued += count,
                TaskStatus::Cancelled => {}
            }
        }
        stats
    }
}

/// Count the own tasks.
#[utoipa::path(
    get,
    path = "/api/video/stats",
    tag = "video",
    responses(
        (status = 200, description = "The counts", body = Envelope<Stats>),
        (status = 401, description = "No good token", body = ProblemBody),
    ),
    security(("bearer" = [])),
)]
pub async fn show_stats(app: Data<App>, user: CurrentUser) -> Result<Envelope<Stats>, Problem> {
    let mut connection = app.commands.database.connection().await?;
    let counts = stats::by_status(&mut connection, user.user_id).await.map_err(query_problem)?;
    Ok(success(counts.into_iter().collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cancelled_task_counts_in_the_total_alone() {
        let stats: Stats = TaskStatus::ALL.iter().map(|status| (*status, 2)).collect();
        assert_eq!(stats, Stats { total: 10, completed: 2, failed: 2, processing: 2, queued: 2 });
    }
}
