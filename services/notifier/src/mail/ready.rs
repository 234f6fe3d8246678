use chrono::{DateTime, TimeDelta, Utc};
use zoetrope_domain::TaskStatus;
use zoetrope_postgres::{Connection, DatabaseError};

use super::{Content, MailId, enqueue};
use crate::{store::contacts, task::TaskSnapshot};

/// After this time, nobody waits for the news any more.
const NEWS_FOR: TimeDelta = TimeDelta::days(1);

/// Asks for the mail that tells of a completed task, when its owner wants it; however often the task's end is heard of, for one mail.
pub async fn tell_ready(connection: &mut Connection, task: &TaskSnapshot) -> Result<(), DatabaseError> {
    if !is_news(task, Utc::now()) {
        return Ok(());
    }
    let contact = contacts::find(connection, task.user_id).await?;
    if let Some(contact) = contact.filter(|contact| contact.wants_ready_mail) {
        let mail = contact.mail(MailId::ready(task.task_id), Content::VideoReady { task_id: task.task_id });
        enqueue(connection, &mail).await?;
    }
    Ok(())
}

fn is_news(task: &TaskSnapshot, now: DateTime<Utc>) -> bool {
    task.status == TaskStatus::Completed && task.completed_at.unwrap_or(task.updated_at) > now - NEWS_FOR
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{CREATED, cancelled, completed, failed, processing};

    #[test]
    fn only_a_completion_is_news() {
        let now = CREATED + TimeDelta::hours(1);
        assert!(is_news(&completed(1, 3).task, now));
        for other in [processing(1, 2, 99), failed(1, 3), cancelled(1, 3)] {
            assert!(!is_news(&other.task, now), "{:?}", other.task.status);
        }
    }

    #[test]
    fn and_only_for_a_day() {
        let ended = completed(1, 3).task.completed_at.unwrap();
        assert!(is_news(&completed(1, 3).task, ended + TimeDelta::hours(23)));
        assert!(!is_news(&completed(1, 3).task, ended + TimeDelta::hours(25)));
    }
}
