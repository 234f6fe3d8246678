use std::time::Instant;

use super::*;

/// True when the connection was closed before a status line.
async fn got_no_answer(request: RequestBuilder) -> bool {
    match request.send().await {
        Ok(response) => panic!("answered with {}", response.status()),
        Err(error) => error.status().is_none() && !error.is_timeout() && !error.is_connect(),
    }
}

#[actix_web::test]
async fn a_submission_cut_before_is_not_recorded() {
    let sim = Sim::start();
    let prompt = "A fox [sim:submit=cut-before]";
    assert!(got_no_answer(sim.submission(prompt)).await);
    assert_eq!(sim.books().await["totals"]["accepted"], 0);
    sim.submit(prompt).await;
    assert_eq!(sim.books().await["totals"]["accepted"], 1);
}

#[actix_web::test]
async fn a_submission_cut_after_is_recorded_and_a_repetition_is_a_second_one() {
    let sim = Sim::start();
    let prompt = "A fox [sim:submit=cut-after]";
    let submission = || sim.submission(prompt).header("Idempotency-Key", "task-1");
    assert!(got_no_answer(submission()).await);
    let books = sim.books().await;
    assert_eq!(books["submissions"][0]["times"], 1);
    let list = sim.get_json("/v1/videos").await;
    assert_eq!(list["data"][0]["metadata"]["idempotency_key"], "task-1");

    assert_eq!(submission().send().await.unwrap().status(), StatusCode::OK);
    let books = sim.books().await;
    assert_eq!(books["submissions"].as_array().unwrap().len(), 2);
    assert_eq!(books["submissions"][0]["times"], 2);
}

#[actix_web::test]
async fn submissions_are_refused_as_often_as_told_counted_by_key() {
    let sim = Sim::start();
    let send = |key| {
        let prompt = "A fox [sim:submit=429 retry_after=2 times=2]";
        sim.submission(prompt).header("Idempotency-Key", key).send()
    };
    for _ in 0..2 {
        let refused = send("one").await.unwrap();
        assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(refused.headers()["retry-after"], "2");
        let body: Value = refused.json().await.unwrap();
        assert_eq!(body["error"]["code"], "rate_limit_exceeded");
    }
    assert_eq!(send("one").await.unwrap().status(), StatusCode::OK);
    assert_eq!(send("two").await.unwrap().status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(sim.books().await["totals"]["accepted"], 1);
}

#[actix_web::test]
async fn a_malformed_answer_comes_after_the_submission_was_recorded() {
    let sim = Sim::start();
    let response = sim.submission("A fox [sim:submit=malformed]").send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert!(response.json::<Value>().await.is_err());
    assert_eq!(sim.books().await["totals"]["accepted"], 1);
}

#[actix_web::test]
async fn polls_fail_one_way_after_the_other_and_then_work() {
    let sim = Sim::start();
    let id = sim.submit("A fox [sim:poll=500 times=2] [sim:poll=malformed] [sim:poll=cut] [sim:poll=429 retry_after=1]").await;
    let path = format!("/v1/videos/{id}");
    for _ in 0..2 {
        assert_eq!(sim.get(&path).await.status(), StatusCode::INTERNAL_SERVER_ERROR);
    }
    assert!(sim.get(&path).await.json::<Value>().await.is_err());
    assert!(got_no_answer(sim.request(Method::GET, &path)).await);
    assert_eq!(sim.get(&path).await.headers()["retry-after"], "1");
    assert_eq!(sim.get_json(&path).await["status"], "completed");
    assert_eq!(sim.books().await["totals"]["polls"], 6);
}

#[actix_web::test]
async fn content_fails_or_ends_in_the_middle() {
    let sim = Sim::start();
    let id = sim.submit("A fox [sim:content=503][sim:content=cut]").await;
    let path = format!("/v1/videos/{id}/content");
    assert_eq!(sim.get(&path).await.status(), StatusCode::SERVICE_UNAVAILABLE);

    let mut cut = sim.get(&path).await;
    assert_eq!(cut.status(), StatusCode::OK);
    let promised = cut.content_length().unwrap();
    let mut received = 0;
    let error = loop {
        match cut.chunk().await {
            Ok(Some(chunk)) => received += chunk.len() as u64,
            Ok(None) => panic!("the body ended properly"),
            Err(error) => break error,
        }
    };
    assert!(error.is_body() || error.is_decode(), "{error:?}");
    assert_eq!(received, promised / 2);

    assert_eq!(sim.get(&path).await.bytes().await.unwrap().len() as u64, promised);
}

#[actix_web::test]
async fn deletions_take_effect_or_not() {
    let sim = Sim::start();
    let id = sim.submit("A fox [sim:delete=cut-before][sim:delete=cut-after]").await;
    let path = format!("/v1/videos/{id}");
    assert!(got_no_answer(sim.request(Method::DELETE, &path)).await);
    assert_eq!(sim.get(&path).await.status(), StatusCode::OK);
    assert!(got_no_answer(sim.request(Method::DELETE, &path)).await);
    assert_eq!(sim.get(&path).await.status(), StatusCode::NOT_FOUND);
}

#[actix_web::test]
async fn slowness() {
    let sim = Sim::start();
    let started = Instant::now();
    let id = sim.submit("A fox [sim:slow=0.2]").await;
    sim.get(&format!("/v1/videos/{id}")).await;
    assert!(started.elapsed().as_millis() >= 400);
}

#[actix_web::test]
async fn faults_for_everyone_are_set_at_run_time() {
    let sim = Sim::start();
    let set = |directives: &str| sim.request(Method::PUT, "/simulation").json(&json!({ "directives": directives })).send();
    assert_eq!(set("[sim:submit=503 times=1]").await.unwrap().status(), StatusCode::OK);
    let submit = || async { sim.submission("A fox").send().await.unwrap().status() };
    assert_eq!(submit().await, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(submit().await, StatusCode::OK);
    set("[sim:submit=503 times=1][sim:fail=no more]").await.unwrap();
    assert_eq!(submit().await, StatusCode::SERVICE_UNAVAILABLE);
    let id = sim.submit("A fox").await;
    assert_eq!(sim.get_json(&format!("/v1/videos/{id}")).await["error"]["message"], "no more");
    set("").await.unwrap();

    let behaviour = sim.get_json("/simulation").await;
    assert_eq!(behaviour, json!({ "duration_seconds": 0.0, "queue_seconds": 0.0, "cheap": true, "directives": "" }));
    for bad in [json!({ "directives": "[sim:what]" }), json!({ "queue_seconds": -1 }), json!({ "speed": 1 })] {
        let refused = sim.request(Method::PUT, "/simulation").json(&bad).send().await.unwrap();
        assert_eq!(refused.status(), StatusCode::BAD_REQUEST, "{bad}");
    }
}

#[actix_web::test]
async fn an_error_may_come_in_place_of_a_video() {
    let sim = Sim::start();
    let refused = sim.submission("A fox [sim:submit=429 code=insufficient_quota]").send().await.unwrap();
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    let body: Value = refused.json().await.unwrap();
    assert_eq!(body["error"]["code"], "insufficient_quota");
    assert_eq!(sim.books().await["totals"]["accepted"], 0);

    let id = sim.submit("A fox [sim:poll=200 code=rate_limit_exceeded]").await;
    let body = sim.get_json(&format!("/v1/videos/{id}")).await;
    assert_eq!((&body["error"]["code"], body.get("status")), (&json!("rate_limit_exceeded"), None));
    assert_eq!(sim.get_json(&format!("/v1/videos/{id}")).await["status"], "completed");
}

#[actix_web::test]
async fn answers_are_worded_as_told() {
    let sim = Sim::start();
    let created: Value = sim.submission("A fox [sim:style=nested][sim:word=done]").send().await.unwrap().json().await.unwrap();
    let id = created["data"]["task"]["id"].as_str().unwrap();
    let shown = sim.get_json(&format!("/v1/videos/{id}")).await;
    assert_eq!((&shown["status"], &shown["data"]["task"]["status"]), (&json!("success"), &json!("done")));
    let list = sim.get_json("/v1/videos").await;
    assert_eq!((&list["data"][0]["id"], &list["data"][0]["status"]), (&json!(id), &json!("completed")));
}
