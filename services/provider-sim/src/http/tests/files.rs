//! Parts of files, and addresses that expire.

use super::*;

/// What arrives before the body ends, properly or not.
async fn read_on(mut response: Response, received: &mut Vec<u8>) -> bool {
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) => received.extend_from_slice(&chunk),
            Ok(None) => return true,
            Err(_) => return false,
        }
    }
}

#[actix_web::test]
async fn a_part_is_sent_of_the_file_that_it_was_asked_of() {
    let sim = Sim::start();
    let path = format!("/v1/videos/{}/content", sim.submit("A fox").await);
    let whole = sim.get(&path).await;
    assert_eq!(whole.headers()["accept-ranges"], "bytes");
    let etag = whole.headers()["etag"].to_str().unwrap().to_owned();
    let file = whole.bytes().await.unwrap();
    let part = async |range: &str, known: &str| {
        sim.request(Method::GET, &path).header("range", range).header("if-range", known).send().await.unwrap()
    };

    let rest = part("bytes=100-", &etag).await;
    assert_eq!(rest.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(rest.headers()["content-range"], format!("bytes 100-{}/{}", file.len() - 1, file.len()));
    assert_eq!(rest.headers()["etag"], etag);
    assert_eq!(rest.bytes().await.unwrap(), file[100..]);

    let changed = part("bytes=100-", "\"another\"").await;
    assert_eq!(changed.status(), StatusCode::OK);
    assert_eq!(changed.bytes().await.unwrap(), file);
    let outside = part(&format!("bytes={}-", file.len()), &etag).await;
    assert_eq!(outside.status(), StatusCode::RANGE_NOT_SATISFIABLE);
    assert_eq!(outside.headers()["content-range"], format!("bytes */{}", file.len()));
    let totals = sim.books().await["totals"].clone();
    assert_eq!((&totals["contents"], &totals["ranges"]), (&json!(4), &json!(1)));
}

#[actix_web::test]
async fn parts_are_cut_like_whole_files() {
    let sim = Sim::start();
    let path = format!("/v1/videos/{}/content", sim.submit("A fox [sim:content=cut times=3]").await);
    let mut received = Vec::new();
    let mut cuts = 0;
    loop {
        let range = format!("bytes={}-", received.len());
        let response = sim.request(Method::GET, &path).header("range", range).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::PARTIAL_CONTENT);
        if read_on(response, &mut received).await {
            break;
        }
        cuts += 1;
    }
    assert_eq!(cuts, 3);
    assert_eq!(received, sim.get(&path).await.bytes().await.unwrap());
}

#[actix_web::test]
async fn garbage_comes_with_a_good_status() {
    let sim = Sim::start();
    let path = format!("/v1/videos/{}/content", sim.submit("A fox [sim:content=garbage]").await);
    let garbage = sim.get(&path).await;
    assert_eq!(garbage.status(), StatusCode::OK);
    assert!(garbage.text().await.unwrap().starts_with("<!doctype html>"));
    assert_eq!(sim.get(&path).await.bytes().await.unwrap()[4..8], *b"ftyp");
}

#[actix_web::test]
async fn a_status_may_be_a_new_word() {
    let sim = Sim::start();
    let path = format!("/v1/videos/{}", sim.submit("A fox [sim:poll=unknown]").await);
    assert_eq!(sim.get_json(&path).await["status"], "dreaming");
    assert_eq!(sim.get_json(&path).await["status"], "completed");
}

#[actix_web::test]
async fn an_address_needs_no_key_and_expires() {
    let sim = Sim::start();
    let id = sim.submit("A fox [sim:link=0 times=1]").await;
    let look = async || sim.get_json(&format!("/v1/videos/{id}")).await["url"].as_str().unwrap().to_owned();
    let fetch = async |url: &str| sim.client.get(url).send().await.unwrap();

    let expired = fetch(&look().await).await;
    assert_eq!(expired.status(), StatusCode::FORBIDDEN);
    assert_eq!(expired.json::<Value>().await.unwrap()["error"]["code"], "link_expired");
    let url = look().await;
    let part = sim.client.get(&url).header("range", "bytes=4-7").send().await.unwrap();
    assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(part.bytes().await.unwrap(), "ftyp");

    let other = sim.submit("A fox").await;
    for forged in [url.replace("sig=", "sig=0"), url.replace("expires=", "expires=9"), url.replace(&id, &other)] {
        assert_eq!(fetch(&forged).await.status(), StatusCode::FORBIDDEN, "{forged}");
    }
    assert_eq!(sim.get_json(&format!("/v1/videos/{other}")).await["url"], Value::Null);
}

#[actix_web::test]
async fn only_a_completed_video_has_an_address() {
    let sim = Sim::start();
    let id = sim.submit("A fox [sim:link=60][sim:duration=60]").await;
    assert_eq!(sim.get_json(&format!("/v1/videos/{id}")).await["url"], Value::Null);
}
