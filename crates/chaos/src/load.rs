use futures_util::{StreamExt, stream::FuturesUnordered};
use rand::rngs::StdRng;
use tokio::{
    sync::mpsc,
    time::{Instant, sleep, sleep_until},
};
use zoetrope_testing::User;

use crate::{
    accounts,
    client::Client,
    provider::{Order, Orders},
    resuming::Reader,
    stage::Stage,
    subscriber::{self, Ears, Way},
};

/// Seconds between two tasks of a user.
const PACE: std::ops::Range<f64> = 0.4..1.6;
/// Tasks that a user creates, repeats or cancels at the same time; more would only pile up while nobody answers.
const AT_A_TIME: usize = 24;
/// Tasks that wait for their user's subscriber to look up.
const NEWS: usize = 1024;

/// One user, from the registration until everything is over: creates tasks, cancels some, and listens to all of them.
pub async fn live(stage: &Stage<'_>, orders: &Orders, nobody: User, number: usize) {
    let actor = 1_000 + number as u64 * 2;
    let mut dice = stage.plan.dice(actor);
    // Every other user joins while things break.
    if number % 2 == 1 {
        let latest = stage.plan.load.as_secs_f64() * 0.6;
        tokio::select! {
            () = Stage::rest(&mut dice, 0.0..latest) => {}
            () = stage.calm.cancelled() => return,
        }
    }
    let Some(client) = accounts::join(stage, &nobody).await else { return };
    let (tell, news) = mpsc::channel(NEWS);
    let working = async {
        stage.journal.count(|counts| counts.at_work += 1);
        work(&client, orders, tell, &mut dice).await;
        stage.journal.count(|counts| counts.at_work -= 1);
    };
    // Of those who are there from the beginning and of those who join, one half resumes.
    let way = if number % 4 < 2 { Way::OneByOne(Ears::default()) } else { Way::Resuming(Reader::new()) };
    let listening = subscriber::listen(&client, way, news, stage.plan.dice(actor + 1));
    tokio::join!(working, listening);
}

async fn work(client: &Client<'_>, orders: &Orders, tell: mpsc::Sender<String>, dice: &mut StdRng) {
    let mut tasks = FuturesUnordered::new();
    let mut next = Instant::now();
    loop {
        tokio::select! {
            biased;
            () = client.stage.calm.cancelled() => break,
            () = sleep_until(next), if tasks.len() < AT_A_TIME => {
                tasks.push(follow_through(client, orders.draw(), tell.clone()));
                next = Instant::now() + Stage::seconds(dice, PACE);
            }
            Some(()) = tasks.next() => {}
        }
    }
    while tasks.next().await.is_some() {}
}

/// Everything that a user does with one task.
async fn follow_through(client: &Client<'_>, order: Order, tell: mpsc::Sender<String>) {
    let key = uuid::Uuid::new_v4().to_string();
    let Some(video_id) = client.create(&order, &key).await else { return };
    // A subscriber that follows everything, or has gone home, needs no news.
    let _ = tell.send(video_id.clone()).await;
    let repeat = async {
        if let Some(wait) = order.repeat_after {
            sleep(wait).await;
            client.create_again(&order, &key, &video_id).await;
        }
    };
    let cancel = async {
        if let Some(wait) = order.cancel_after {
            sleep(wait).await;
            client.cancel(&video_id).await;
        }
    };
    tokio::join!(repeat, cancel);
}
