use super::DeadLetter;

const HEADINGS: [&str; 6] = ["QUEUE", "DIED AT", "ATTEMPTS", "MESSAGE ID", "TYPE", "REASON"];
const UNKNOWN: &str = "-";

/// One line for each dead letter, in columns.
pub(super) fn table(letters: &[DeadLetter]) -> String {
    let mut rows = vec![HEADINGS.map(str::to_owned)];
    rows.extend(letters.iter().map(row));
    let widths: Vec<usize> = (0..HEADINGS.len()).map(|column| widest(&rows, column)).collect();
    let lines = rows.iter().map(|cells| {
        let padded = cells.iter().zip(&widths).map(|(cell, &width)| format!("{cell:<width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    });
    lines.collect()
}

/// All that is known of a dead letter, except its body.
pub(super) fn details(letter: &DeadLetter) -> String {
    let moment = |at: Option<chrono::DateTime<chrono::Utc>>| at.map(|at| at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true));
    let lines = [
        ("queue", Some(letter.queue.clone())),
        ("message id", letter.message_id.clone()),
        ("type", Some(letter.message_type.clone())),
        ("routing key", letter.routing_key.clone()),
        ("published at", moment(letter.published_at)),
        ("died at", moment(letter.died_at)),
        ("attempts", letter.attempts.map(|attempts| attempts.to_string())),
        ("given up by", letter.service.clone()),
        ("traceparent", letter.traceparent.clone()),
        ("body", Some(format!("{} bytes", letter.payload_bytes))),
        ("reason", Some(letter.reason.clone())),
    ];
    lines.into_iter().map(|(name, value)| format!("{name:<14}{}\n", cell(value.as_deref().unwrap_or_default()))).collect()
}

fn row(letter: &DeadLetter) -> [String; 6] {
    [
        cell(&letter.queue),
        cell(&letter.died_at.map(|at| at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)).unwrap_or_default()),
        cell(&letter.attempts.map(|attempts| attempts.to_string()).unwrap_or_default()),
        cell(letter.message_id.as_deref().unwrap_or_default()),
        cell(&letter.message_type),
        cell(&letter.reason),
    ]
}

fn widest(rows: &[[String; 6]], column: usize) -> usize {
    rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default()
}

/// Text of strangers must neither break the line nor steer the terminal.
fn cell(text: &str) -> String {
    if text.is_empty() { UNKNOWN.to_owned() } else { text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter() -> DeadLetter {
        DeadLetter {
            queue: "tasks.job-events".to_owned(),
            message_id: Some("an id".to_owned()),
            message_type: "a\u{1b}[31m type".to_owned(),
            routing_key: None,
            reason: "no\nluck".to_owned(),
            died_at: chrono::DateTime::from_timestamp_millis(1_763_700_000_123),
            published_at: None,
            attempts: Some(21),
            service: None,
            payload_bytes: 3,
            traceparent: None,
        }
    }

    #[test]
    fn columns_are_aligned_and_strangers_text_is_harmless() {
        let strange = DeadLetter { message_id: None, attempts: None, ..letter() };
        let shown = table(&[letter(), strange]);
        assert_eq!(
            shown.lines().collect::<Vec<_>>(),
            [
                "QUEUE             DIED AT               ATTEMPTS  MESSAGE ID  TYPE         REASON",
                "tasks.job-events  2025-11-21T04:40:00Z  21        an id       a [31m type  no luck",
                "tasks.job-events  2025-11-21T04:40:00Z  -         -           a [31m type  no luck",
            ]
        );
    }

    #[test]
    fn details_name_everything_but_the_body() {
        let shown = details(&letter());
        for line in
            ["message id    an id", "died at       2025-11-21T04:40:00.123Z", "body          3 bytes", "reason        no luck"]
        {
            assert!(shown.lines().any(|shown| shown == line), "{shown}");
        }
    }
}
