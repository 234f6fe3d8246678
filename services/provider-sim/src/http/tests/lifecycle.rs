use super::*;

#[actix_web::test]
async fn a_key_is_needed_with_or_without_the_scheme() {
    let sim = Sim::start();
    let url = format!("{}/v1/videos", sim.base);
    for header in [None, Some("Bearer nonsense"), Some("")] {
        let mut request = sim.client.get(&url);
        if let Some(header) = header {
            request = request.header("authorization", header);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        let body: Value = response.json().await.unwrap();
        assert_eq!(body["error"]["code"], "invalid_api_key");
    }
    let raw = sim.client.get(&url).header("authorization", KEY).send().await.unwrap();
    assert_eq!(raw.status(), StatusCode::OK);
}

#[actix_web::test]
async fn a_video_from_submission_to_deletion() {
    let sim = Sim::start();
    let response =
        sim.submission("A fox [sim:duration=0.6][sim:queue=0.2]").header("Idempotency-Key", "task-1").send().await.unwrap();
    let video: Value = response.json().await.unwrap();
    assert_eq!(video["object"], "video");
    assert_eq!(video["status"], "queued");
    assert_eq!(video["progress"], 0);
    assert_eq!(video["model"], "sora-2");
    assert_eq!(video["seconds"], "1");
    assert_eq!(video["size"], "320x180");
    assert_eq!(video["metadata"]["idempotency_key"], "task-1");
    for absent in ["completed_at", "expires_at", "error", "remixed_from_video_id"] {
        assert!(video[absent].is_null(), "{absent}");
    }
    let path = format!("/v1/videos/{}", video["id"].as_str().unwrap());
    assert_eq!(sim.get(&format!("{path}/content")).await.status(), StatusCode::CONFLICT);

    let mut statuses = Vec::new();
    let completed = loop {
        let video = sim.get_json(&path).await;
        let status = video["status"].as_str().unwrap().to_owned();
        if statuses.last() != Some(&status) {
            statuses.push(status.clone());
        }
        if status == "completed" {
            break video;
        }
    };
    assert_eq!(statuses, ["queued", "in_progress", "completed"]);
    assert_eq!(completed["progress"], 100);
    let time = |name: &str| completed[name].as_i64().unwrap();
    assert!((time("created_at")..=time("created_at") + 2).contains(&time("completed_at")));
    assert_eq!(time("expires_at"), time("completed_at") + 86_400);

    let file = async |variant: &str| {
        let response = sim.get(&format!("{path}/content{variant}")).await;
        assert_eq!(response.status(), StatusCode::OK);
        let content_type = response.headers()["content-type"].to_str().unwrap().to_owned();
        (content_type, response.bytes().await.unwrap())
    };
    let (content_type, video) = file("").await;
    assert_eq!((content_type.as_str(), &video[4..8]), ("video/mp4", &b"ftyp"[..]));
    assert_eq!(file("?variant=video").await.1, video);
    let (content_type, thumbnail) = file("?variant=thumbnail").await;
    assert_eq!((content_type.as_str(), &thumbnail[8..12]), ("image/webp", &b"WEBP"[..]));
    let (content_type, sheet) = file("?variant=spritesheet").await;
    assert_eq!((content_type.as_str(), &sheet[..2]), ("image/jpeg", &[0xFF, 0xD8][..]));
    assert_eq!(sim.get(&format!("{path}/content?variant=x")).await.status(), StatusCode::BAD_REQUEST);

    let deleted: Value = sim.request(Method::DELETE, &path).send().await.unwrap().json().await.unwrap();
    assert_eq!(deleted["object"], "video.deleted");
    assert_eq!(deleted["deleted"], true);
    assert_eq!(sim.get(&path).await.status(), StatusCode::NOT_FOUND);
    let totals = sim.books().await["totals"].clone();
    assert_eq!((&totals["contents"], &totals["deleted"]), (&json!(5), &json!(1)));
    assert_eq!(sim.get_json("/simulation/totals").await, totals);
}

#[actix_web::test]
async fn a_failure_says_why_and_a_stuck_one_never_ends() {
    let sim = Sim::start();
    let id = sim.submit("A fox [sim:fail=content policy code=moderation_blocked]").await;
    let failed = sim.get_json(&format!("/v1/videos/{id}")).await;
    assert_eq!(failed["status"], "failed");
    assert_eq!(failed["error"], json!({ "code": "moderation_blocked", "message": "content policy" }));
    let id = sim.submit("A fox [sim:stuck]").await;
    let stuck = sim.get_json(&format!("/v1/videos/{id}")).await;
    assert_eq!((&stuck["status"], &stuck["progress"]), (&json!("in_progress"), &json!(50)));
}

#[actix_web::test]
async fn lists_are_paged_in_both_orders() {
    let sim = Sim::start();
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(sim.submit("A fox").await);
    }
    let page = async |query: String| {
        let list = sim.get_json(&format!("/v1/videos{query}")).await;
        let data = list["data"].as_array().unwrap();
        assert_eq!(list["first_id"], data.first().map_or(Value::Null, |video| video["id"].clone()));
        assert_eq!(list["last_id"], data.last().map_or(Value::Null, |video| video["id"].clone()));
        assert_eq!(list["object"], "list");
        let found: Vec<usize> = data.iter().map(|video| ids.iter().position(|id| video["id"] == **id).unwrap()).collect();
        (found, list["has_more"].as_bool().unwrap())
    };
    assert_eq!(page(String::new()).await, (vec![4, 3, 2, 1, 0], false));
    assert_eq!(page("?limit=2".to_owned()).await, (vec![4, 3], true));
    assert_eq!(page(format!("?limit=2&after={}", ids[3])).await, (vec![2, 1], true));
    assert_eq!(page(format!("?limit=3&order=asc&after={}", ids[1])).await, (vec![2, 3, 4], false));
    assert_eq!(page(format!("?after={}", ids[0])).await, (vec![], false));
    for bad in ["?limit=0", "?limit=101", "?limit=x", "?order=up", "?after=video_none"] {
        assert_eq!(sim.get(&format!("/v1/videos{bad}")).await.status(), StatusCode::BAD_REQUEST, "{bad}");
    }
}
