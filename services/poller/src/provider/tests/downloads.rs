//! Files that arrive in pieces, or not at all.

use zoetrope_storage::StorageError;

use super::*;

const ETAG: &str = "etag: \"a\"\r\n";

/// A file long enough to be cut in several places.
fn file() -> Vec<u8> {
    MP4.iter().copied().chain((0..=255).cycle()).take(1000).collect()
}

/// The part from `start` on, of which `sent` bytes arrive.
fn part(start: usize, sent: usize, headers: &str) -> Play {
    let file = file();
    let headers = format!("{headers}content-range: bytes {start}-{}/{}\r\n", file.len() - 1, file.len());
    Play::Short(206, headers.leak(), file[start..start + sent].into(), file.len() - start - sent)
}

/// The whole file, of which `sent` bytes arrive.
fn begin(sent: usize, headers: &'static str) -> Play {
    let file = file();
    Play::Short(200, headers, file[..sent].into(), file.len() - sent)
}

/// Downloads the video into a storage of its own; `None` when nothing became visible.
async fn fetch(provider: &Provider) -> Option<(Vec<u8>, [u8; 32])> {
    let (storage, path) = storage();
    let key = ObjectKey::task_video(TASK);
    let media = provider.video(&id()).await.ok().unwrap();
    let stored = match storage.put_stream(&key, media.stream, None).await {
        Ok(stored) => {
            let bytes: Vec<Bytes> = storage.read(&key, None).await.unwrap().stream.try_collect().await.unwrap();
            assert_eq!(stored.size, bytes.concat().len() as u64);
            Some((bytes.concat(), stored.sha256))
        }
        Err(error) => {
            assert!(matches!(error, StorageError::Source(_)), "{error:?}");
            assert!(matches!(storage.head(&key).await, Err(StorageError::NotFound(_))));
            None
        }
    };
    std::fs::remove_dir_all(path).unwrap();
    stored
}

#[tokio::test]
async fn a_cut_download_goes_on_where_it_was_cut() {
    let (address, requests) = server(vec![begin(400, ETAG), part(400, 0, ETAG), part(400, 100, ETAG), part(500, 500, ETAG)]);
    let resumed = fetch(&plain(&address)).await.unwrap();
    let (whole, _requests) = server(vec![begin(1000, "")]);
    assert_eq!(resumed, fetch(&plain(&whole)).await.unwrap());
    assert_eq!(resumed.0, file());

    assert_eq!(requests.recv().unwrap().header("range"), None);
    for range in ["bytes=400-", "bytes=400-", "bytes=500-"] {
        let request = requests.recv().unwrap();
        assert_eq!(request.line, "GET /sora/v1/videos/video_1/content HTTP/1.1");
        assert_eq!((request.header("range"), request.header("if-range")), (Some(range), Some("\"a\"")));
        assert_eq!(request.header("authorization"), Some("Bearer sk-test"));
    }
}

#[tokio::test]
async fn a_server_that_offers_ranges_needs_no_validator() {
    let (address, requests) = server(vec![begin(5, "accept-ranges: bytes\r\n"), part(5, 995, "")]);
    assert_eq!(fetch(&plain(&address)).await.unwrap().0, file());
    assert_eq!(requests.iter().nth(1).unwrap().header("if-range"), None);
}

#[tokio::test]
async fn a_passing_failure_does_not_end_a_download() {
    let refusal = |status| Play::Answer(status, "retry-after: 0\r\n", Vec::new());
    let (address, _requests) = server(vec![begin(400, ETAG), Play::Cut, refusal(503), refusal(429), part(400, 600, ETAG)]);
    assert_eq!(fetch(&plain(&address)).await.unwrap().0, file());
}

#[tokio::test]
async fn what_does_not_continue_the_file_is_no_part_of_it() {
    let of_another_length = "etag: \"a\"\r\ncontent-range: bytes 400-999/1001\r\n";
    let replies = [
        begin(1000, "etag: \"b\"\r\n"),
        part(400, 600, "etag: \"b\"\r\n"),
        part(300, 700, ETAG),
        Play::Answer(206, of_another_length, vec![0; 600]),
        Play::Answer(206, ETAG, vec![0; 600]),
        Play::Answer(403, "", Vec::new()),
        Play::Answer(404, "", Vec::new()),
        Play::Answer(416, "", Vec::new()),
        Play::Answer(503, "retry-after: 3600\r\n", Vec::new()),
    ];
    for reply in replies {
        // A third request would meet a closed door.
        let (address, requests) = server(vec![begin(400, ETAG), reply]);
        assert_eq!(fetch(&plain(&address)).await, None);
        assert_eq!(requests.iter().count(), 2);
    }
}

#[tokio::test]
async fn without_a_promise_of_the_server_nothing_is_pieced_together() {
    for headers in ["", "etag: W/\"a\"\r\n", "etag: \"a\"\r\naccept-ranges: none\r\n"] {
        let (address, requests) = server(vec![begin(400, headers)]);
        assert_eq!(fetch(&plain(&address)).await, None, "{headers}");
        assert_eq!(requests.iter().count(), 1);
    }
}

#[tokio::test]
async fn a_download_that_does_not_get_on_is_given_up() {
    let (address, requests) = server([begin(400, ETAG)].into_iter().chain((0..6).map(|_| Play::Cut)).collect());
    assert_eq!(fetch(&plain(&address)).await, None);
    assert_eq!(requests.try_iter().count(), 6);
}

#[tokio::test]
async fn a_redirected_download_goes_on_where_it_was_led_to() {
    let (elsewhere, files) = server(vec![begin(400, ETAG), part(400, 600, ETAG)]);
    let location: &'static str = format!("location: {elsewhere}/v.mp4?sig=1\r\n").leak();
    let (address, _requests) = server(vec![Play::Answer(302, location, Vec::new())]);
    assert_eq!(fetch(&plain(&address)).await.unwrap().0, file());
    for request in files.iter() {
        assert_eq!((request.line.as_str(), request.header("authorization")), ("GET /v.mp4?sig=1 HTTP/1.1", None));
    }
}

#[tokio::test]
async fn an_expired_address_is_asked_for_anew() {
    let (elsewhere, files) = server(vec![json(403, ""), begin(400, ETAG), json(403, ""), begin(1000, "")]);
    let named = |sig| json(200, &format!(r#"{{"id":"video_1","status":"completed","url":"{elsewhere}/v.mp4?sig={sig}"}}"#));
    let (address, _requests) = server(vec![named(1), named(2), named(3)]);
    let provider = provider(&address, serde_json::json!({ "result": "url" }));
    assert!(matches!(provider.video(&id()).await, Err(NoMedia::Later { .. })));
    // This one expires in the middle.
    assert_eq!(fetch(&provider).await, None);
    assert_eq!(fetch(&provider).await.unwrap().0, file());
    let asked: Vec<String> = files.iter().map(|request| request.line).collect();
    assert_eq!(asked, [1, 2, 2, 3].map(|sig| format!("GET /v.mp4?sig={sig} HTTP/1.1")));
}

#[tokio::test]
async fn a_result_that_is_taken_back_is_absent() {
    let (address, _requests) = server(vec![json(404, ""), json(200, r#"{"status":"failed"}"#), json(404, ""), json(404, "")]);
    let provider = plain(&address);
    for _ in 0..2 {
        assert!(matches!(provider.video(&id()).await, Err(NoMedia::Absent)));
    }
}

#[tokio::test]
async fn what_cannot_be_understood_of_a_result_is_asked_again() {
    for body in [r#"{"status":"dreaming"}"#, r#"{"status":"comp"#, r#"{"status":"in_progress"}"#] {
        let (address, _requests) = server(vec![json(404, ""), json(200, body)]);
        assert!(matches!(plain(&address).video(&id()).await, Err(NoMedia::Later { .. })), "{body}");
    }
}
