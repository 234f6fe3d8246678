//! Mail, from the command on the bus to a real mail server.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use uuid::Uuid;
use zoetrope_contracts::{
    EVENTS,
    mail::v1::{PasswordReset, Receipt, SendMail, SignInCode, send_mail::Content},
    tasks::v1::{TaskResult, TaskStatus, TaskStep, TaskUpdated},
    timestamp,
};
use zoetrope_testing::{MailAnswer, MailSink, Platform, PlatformBuilder, Received, Service, eventually};

const PATIENCE: Duration = Duration::from_secs(30);
const RECIPIENT: &str = "ann.lee@mailbox.example";
const CODE: &str = "84719362";

/// The notifier alone, with quick retries.
fn mailing(sink: &MailSink) -> PlatformBuilder {
    let mut builder = Platform::builder();
    for service in [Service::ProviderSim, Service::Auth, Service::TaskApi, Service::Poller] {
        builder = builder.replicas(service, 0);
    }
    with_mail(builder, sink)
}

fn with_mail(builder: PlatformBuilder, sink: &MailSink) -> PlatformBuilder {
    builder
        .setting(Service::Notifier, "mail.transport", "smtp")
        .setting(Service::Notifier, "mail.host", "localhost")
        .setting(Service::Notifier, "mail.port", i64::from(sink.port()))
        .setting(Service::Notifier, "mail.tls", "none")
        .setting(Service::Notifier, "mail.timeout_seconds", 2)
        .setting(Service::Notifier, "mail.retry_seconds", 0.2)
        .setting(Service::Notifier, "mail.front_end_url", "https://video.example")
}

fn code(id: &str, language: &str) -> SendMail {
    SendMail {
        mail_id: id.to_owned(),
        recipient: RECIPIENT.to_owned(),
        language: language.to_owned(),
        user_id: String::new(),
        expires_at: Some(timestamp(Utc::now() + TimeDelta::minutes(10))),
        content: Some(Content::SignInCode(SignInCode { code: CODE.to_owned(), valid_minutes: 10 })),
    }
}

/// Waits for so many mails, and for no more than these.
async fn received(sink: &MailSink, count: usize) -> Result<Vec<Received>> {
    eventually(&format!("{count} mails"), PATIENCE, async || {
        let received = sink.received();
        ensure!(received.len() == count, "{} came", received.len());
        Ok(received)
    })
    .await
}

/// What is known of a mail: state, tries and last error.
async fn fate(platform: &Platform, id: &str, state: &str) -> Result<(i32, Option<String>)> {
    let database = platform.database().await?;
    eventually(&format!("the mail {id} as {state}"), PATIENCE, async || {
        let row = database
            .query_opt("SELECT state, attempts, last_error, recipient, content::text, masked_recipient FROM notifier.mails WHERE mail_id = $1", &[&id])
            .await?
            .context("no such mail")?;
        ensure!(row.get::<_, &str>(0) == state, "it is {}", row.get::<_, &str>(0));
        if state != "queued" {
            let left = (row.get::<_, Option<&str>>(3), row.get::<_, Option<&str>>(4), row.get::<_, &str>(5));
            assert_eq!(left, (None, None, "a***@mailbox.example"), "address and content are erased");
        }
        Ok((row.get(1), row.get(2)))
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_becomes_one_mail_in_its_language() -> Result<()> {
    let sink = MailSink::start().await?;
    let platform = mailing(&sink).replicas(Service::Notifier, 2).start().await?;
    let bus = platform.bus();
    for _ in 0..3 {
        bus.publish(&code("code.english", "en")).await?;
    }
    let english = received(&sink, 1).await?.remove(0);
    assert_eq!(
        (english.to.as_slice(), english.subject.as_str()),
        ([RECIPIENT.to_owned()].as_slice(), "Your Zoetrope sign-in code")
    );
    assert_eq!(
        (english.from.as_str(), english.message_id.as_str()),
        ("no-reply@zoetrope.example", "code.english@zoetrope.example")
    );
    for part in [&english.text, &english.html] {
        assert!(part.contains(CODE) && part.contains("10 minutes"), "{part}");
    }
    assert!(english.html.contains("<html lang=\"en\">") && !english.text.contains('<'), "{}", english.html);

    bus.publish(&code("code.chinese", "zh-CN")).await?;
    let chinese = received(&sink, 2).await?.remove(1);
    assert_eq!(chinese.subject, "您的 Zoetrope 登录验证码");
    for part in [&chinese.text, &chinese.html] {
        assert!(part.contains(CODE) && part.contains("10 分钟"), "{part}");
    }

    // A body with a line that is a dot, one that begins with one, and what HTML takes for its own.
    let receipt = Receipt {
        order_number: "<b>42</b>\r\n.\r\n..two".to_owned(),
        credits: 500,
        amount: 990,
        currency: "USD".to_owned(),
        paid_at: Some(timestamp(DateTime::UNIX_EPOCH)),
    };
    bus.publish(&SendMail { content: Some(Content::Receipt(receipt)), expires_at: None, ..code("receipt.42", "en") }).await?;
    let receipt = received(&sink, 3).await?.remove(2);
    assert!(receipt.text.contains("<b>42</b>\n.\n..two") && receipt.text.contains("9.90 USD"), "{}", receipt.text);
    assert!(!receipt.html.contains("<b>42</b>"), "{}", receipt.html);

    // The first was delivered three times; by now the other replica has surely heard of it too.
    for id in ["code.english", "code.chinese", "receipt.42"] {
        assert_eq!(fate(&platform, id, "sent").await?, (1, None));
    }
    assert_eq!(sink.offered(), 3);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_mail_server_answers_decides() -> Result<()> {
    let sink = MailSink::start().await?;
    let mut platform = mailing(&sink).start().await?;
    let bus = platform.bus();

    // Not now, then a broken connection, then silence, then yes. What it says may quote all that is secret.
    let rude = "451 4.3.0 <ann.lee@mailbox.example> 84719362 later";
    sink.answer([MailAnswer::Reply(rude), MailAnswer::Drop, MailAnswer::Hang]);
    bus.publish(&code("patient", "en")).await?;
    assert_eq!(received(&sink, 1).await?[0].message_id, "patient@zoetrope.example");
    assert_eq!(fate(&platform, "patient", "sent").await?, (4, None));

    sink.answer([MailAnswer::Reply("550 5.1.1 <ann.lee@mailbox.example>: no such user, 84719362")]);
    bus.publish(&code("refused", "en")).await?;
    assert_eq!(fate(&platform, "refused", "failed").await?, (1, Some("550 5.1.1".to_owned())));

    bus.publish(&SendMail { recipient: "annoying".to_owned(), ..code("nowhere", "en") }).await?;
    let database = platform.database().await?;
    eventually("the failure of a mail to no address", PATIENCE, async || {
        let row = database.query_one("SELECT state, masked_recipient FROM notifier.mails WHERE mail_id = 'nowhere'", &[]).await?;
        ensure!((row.get::<_, &str>(0), row.get::<_, &str>(1)) == ("failed", "***"));
        Ok(())
    })
    .await?;

    // It is too late before the next try.
    sink.answer([
        MailAnswer::Reply("451 4.3.0 later"),
        MailAnswer::Reply("451 4.3.0 later"),
        MailAnswer::Reply("451 4.3.0 later"),
    ]);
    let soon = Some(timestamp(Utc::now() + TimeDelta::milliseconds(500)));
    bus.publish(&SendMail { expires_at: soon, ..code("soon", "en") }).await?;
    fate(&platform, "soon", "expired").await?;
    let late = Some(timestamp(Utc::now() - TimeDelta::seconds(1)));
    bus.publish(&SendMail { expires_at: late, ..code("late", "en") }).await?;
    assert_eq!(fate(&platform, "late", "expired").await?, (0, None));
    assert_eq!(sink.received().len(), 1, "only the patient one was taken");

    let figures =
        reqwest::get(format!("{}/metrics", platform.process(Service::Notifier, 0)?.internal_url())).await?.text().await?;
    for outcome in ["sent", "deferred", "failed", "expired"] {
        let figure = format!("outcome=\"{outcome}\"");
        assert!(
            figures.lines().any(|line| line.starts_with("zoetrope_notifier_mails_total{") && line.contains(&figure)),
            "{outcome}: {figures}"
        );
    }

    let log = std::fs::read_to_string(platform.process(Service::Notifier, 0)?.log())?;
    assert!(log.contains("refused") && log.contains("550 5.1.1"), "a refusal is told by the mail's id");
    for secret in [RECIPIENT, "ann.lee", CODE, "annoying"] {
        assert!(!log.contains(secret), "the log shows {secret}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_while_the_mail_server_is_away() -> Result<()> {
    let mut sink = MailSink::start().await?;
    let mut platform = mailing(&sink).start().await?;
    sink.stop();
    for number in 0..10 {
        platform.bus().publish(&code(&format!("code.{number}"), "en")).await?;
    }
    let database = platform.database().await?;
    eventually("all mails to wait", PATIENCE, async || {
        let waiting: i64 = database.query_one("SELECT count(*) FROM notifier.mails WHERE state = 'queued'", &[]).await?.get(0);
        ensure!(waiting == 10, "{waiting}");
        Ok(())
    })
    .await?;
    let log = platform.process(Service::Notifier, 0)?.log().to_owned();
    eventually("a warning", PATIENCE, async || {
        ensure!(std::fs::read_to_string(&log)?.contains("cannot deliver mail for now"));
        Ok(())
    })
    .await?;
    // Requests do not need the mail server.
    let ready = reqwest::get(format!("{}/readyz", platform.process(Service::Notifier, 0)?.internal_url())).await?;
    assert_eq!(ready.status(), 200);

    sink.resume().await?;
    received(&sink, 10).await?;
    for number in 0..10 {
        fate(&platform, &format!("code.{number}"), "sent").await?;
    }
    assert_eq!(sink.offered(), 10);
    let log = std::fs::read_to_string(&log)?;
    assert_eq!(log.matches("cannot deliver mail for now").count(), 1, "an outage is told once");
    assert!(log.contains("can deliver mail again"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_replica_leaves_its_mails_to_others() -> Result<()> {
    let sink = MailSink::start().await?;
    let mut platform = mailing(&sink).replicas(Service::Notifier, 2).start().await?;
    // Both replicas have mails in hand that the mail server took, and do not know it.
    sink.answer((0..8).map(|_| MailAnswer::Hang));
    for number in 0..40 {
        platform.bus().publish(&code(&format!("code.{number}"), "en")).await?;
    }
    eventually("mails in hand", PATIENCE, async || {
        ensure!(sink.offered() >= 8);
        Ok(())
    })
    .await?;
    platform.process(Service::Notifier, 0)?.kill()?;
    for number in 0..40 {
        fate(&platform, &format!("code.{number}"), "sent").await?;
    }
    let mut ids: Vec<String> = sink.received().into_iter().map(|mail| mail.message_id).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 40);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_goes_over_tls_alone() -> Result<()> {
    let sink = MailSink::start_protected().await?;
    let protected = |password: &str| {
        mailing(&sink)
            .setting(Service::Notifier, "mail.tls", "starttls")
            .setting(Service::Notifier, "mail.username", MailSink::USERNAME)
            .setting(Service::Notifier, "mail.password", password)
            .setting(Service::Notifier, "mail.ca_certificates", sink.certificate())
    };
    let platform = protected(MailSink::PASSWORD).start().await?;
    platform.bus().publish(&code("protected", "en")).await?;
    assert!(received(&sink, 1).await?[0].protected);
    drop(platform);

    // A wrong password is no reason to give up a mail.
    let mut platform = protected("another password").start().await?;
    platform.bus().publish(&code("waits", "en")).await?;
    let log = platform.process(Service::Notifier, 0)?.log().to_owned();
    eventually("a warning", PATIENCE, async || {
        ensure!(std::fs::read_to_string(&log)?.contains("cannot deliver mail for now"));
        Ok(())
    })
    .await?;
    assert_eq!(fate(&platform, "waits", "queued").await?, (0, None));
    let log = std::fs::read_to_string(&log)?;
    for secret in ["another password", RECIPIENT, CODE] {
        assert!(!log.contains(secret), "the log shows {secret}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ready_video_is_told_to_those_who_want_it() -> Result<()> {
    const PREFERENCES: &str = "/api/notifications/preferences";
    let sink = MailSink::start().await?;
    let platform = with_mail(Platform::builder(), &sink).setting(Service::TaskApi, "credits.signup_grant", 1000).start().await?;
    let wishes = platform.user_with_email("li@mailbox.example", "zh-CN,zh;q=0.9").await?;
    let without = platform.user_with_email("bo@mailbox.example", "en").await?;

    let answer = wishes.get(PREFERENCES).await?.ok()?;
    assert_eq!(answer, json!({ "success": true, "status": "success", "data": { "readyMail": false } }));
    assert_eq!(wishes.put(PREFERENCES, json!({ "readyMail": true })).await?.ok()?["data"]["readyMail"], true);
    assert_eq!(wishes.get(PREFERENCES).await?.ok()?["data"]["readyMail"], true);
    assert_eq!(without.get(PREFERENCES).await?.ok()?["data"]["readyMail"], false);
    assert_eq!(platform.nobody().get(PREFERENCES).await?.status, 401);
    let wrong = wishes.put(PREFERENCES, json!({ "readyMail": "yes" })).await?;
    assert_eq!((wrong.status, &wrong.body["errors"][0]["field"]), (400, &json!("readyMail")));

    let database = platform.database().await?;
    eventually("both addresses", PATIENCE, async || {
        let known: i64 = database.query_one("SELECT count(*) FROM notifier.contacts WHERE email IS NOT NULL", &[]).await?.get(0);
        ensure!(known == 2, "{known}");
        Ok(())
    })
    .await?;
    without.until_ended(&without.create("not told").await?).await?;
    wishes.until_ended(&wishes.create("fails [sim:fail=no luck]").await?).await?;
    let video_id = wishes.create("told").await?;
    wishes.until_ended(&video_id).await?;

    let mail = received(&sink, 1).await?.remove(0);
    assert_eq!((mail.to.as_slice(), mail.subject.as_str()), (["li@mailbox.example".to_owned()].as_slice(), "您的视频已生成"));
    assert!(mail.text.contains(&format!("https://video.example/videos/{video_id}")), "{}", mail.text);

    // Its end is heard of again, and once more of a task that ended days ago.
    let task_id = video_id.strip_prefix("video_").context("a video id")?;
    let payload: Vec<u8> =
        database.query_one("SELECT payload FROM notifier.task_states WHERE task_id = $1::text::uuid", &[&task_id]).await?.get(0);
    let user_id: String = database
        .query_one("SELECT user_id::text FROM notifier.task_states WHERE task_id = $1::text::uuid", &[&task_id])
        .await?
        .get(0);
    let days_ago = Some(timestamp(Utc::now() - TimeDelta::days(2)));
    let old = TaskUpdated {
        task_id: Uuid::now_v7().to_string(),
        user_id,
        version: 3,
        status: TaskStatus::Completed.into(),
        step: TaskStep::Stored.into(),
        progress: 100,
        kind: "text_to_video".to_owned(),
        model: "sora-2".to_owned(),
        result: Some(TaskResult { video_size: 1, has_thumbnail: false }),
        created_at: days_ago,
        completed_at: days_ago,
        updated_at: days_ago,
        ..Default::default()
    };
    platform.bus().publish_bytes(EVENTS, "task.updated", "zoetrope.tasks.v1.TaskUpdated", &payload).await?;
    platform.bus().publish(&old).await?;
    let marker = wishes.create("marker").await?;
    wishes.until_ended(&marker).await?;
    let marked = received(&sink, 2).await?.remove(1);
    assert!(marked.text.contains(&marker), "{}", marked.text);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_takes_mails_in_development() -> Result<()> {
    let mut builder = Platform::builder();
    for service in [Service::ProviderSim, Service::Auth, Service::TaskApi, Service::Poller] {
        builder = builder.replicas(service, 0);
    }
    let platform = builder.start().await?;
    let link = "https://video.example/reset?token=abc".to_owned();
    let reset = PasswordReset { link: link.clone(), valid_minutes: 30 };
    platform.bus().publish(&SendMail { content: Some(Content::PasswordReset(reset)), ..code("reset.1", "en") }).await?;
    fate(&platform, "reset.1", "sent").await?;
    let files: Vec<_> = std::fs::read_dir(platform.directory().join("mails"))?.collect::<std::io::Result<_>>()?;
    assert_eq!(files.len(), 1);
    let name = files[0].file_name().into_string().ok().context("a name")?;
    assert!(name.ends_with("-password_reset-reset.1.eml"), "{name}");
    assert!(std::fs::read_to_string(files[0].path())?.contains("To: ann.lee@mailbox.example"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_became_of_a_mail_is_forgotten_after_a_month() -> Result<()> {
    let sink = MailSink::start().await?;
    let mut platform = mailing(&sink).start().await?;
    let insert = |rows: u32, days: u32| {
        format!(
            "INSERT INTO notifier.mails (mail_id, template, language, state, masked_recipient, ended_at)
             SELECT gen_random_uuid()::text, 'receipt', 'en', 'sent', '***', now() - interval '{days} days' FROM generate_series(1, {rows});"
        )
    };
    let database = platform.database().await?;
    database.batch_execute(&[insert(1_500, 31), insert(10, 29)].concat()).await?;
    // A process sweeps soon after its start, and then every hour.
    platform.crash(Service::Notifier, 0).await?;
    eventually("old mails to be forgotten", PATIENCE, async || {
        let left: i64 = database.query_one("SELECT count(*) FROM notifier.mails", &[]).await?.get(0);
        ensure!(left == 10, "{left}");
        Ok(())
    })
    .await
}
