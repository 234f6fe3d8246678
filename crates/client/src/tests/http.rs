//! Against a small server that records what it is sent.

use std::sync::Mutex;

use crate::{Client, ClientError, ListTasks, NewTask, ReferenceImage, TaskStatus};
use actix_multipart::Multipart;
use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer,
    web::{self, Bytes, Data},
};
use futures_util::{StreamExt, TryStreamExt, stream};
use reqwest::StatusCode;
use serde_json::{Value, json};

#[derive(Default)]
struct Seen(Mutex<Vec<Value>>);

impl Seen {
    fn add(&self, request: &HttpRequest, body: Value) {
        let header = |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        self.0.lock().unwrap().push(json!({
            "uri": request.uri().to_string(),
            "authorization": header("authorization"),
            "idempotency_key": header("idempotency-key"),
            "body": body,
        }));
    }

    fn last(&self) -> Value {
        self.0.lock().unwrap().last().cloned().unwrap()
    }
}

fn row() -> Value {
    json!({
        "id": "1", "videoId": "video_1", "status": "QUEUED", "progress": 0, "prompt": "A fox", "model": "sora-2",
        "size": null, "duration": 4, "videoUrl": null, "errorCode": null, "errorMessage": null,
    })
}

async fn sign_in(request: HttpRequest, body: web::Json<Value>, seen: Data<Seen>) -> HttpResponse {
    seen.add(&request, body.into_inner());
    HttpResponse::Created().json(json!({
        "success": true,
        "accessToken": "short",
        "data": {
            "token": "long",
            "expiresAt": 1_763_700_000_000_i64,
            "user": { "id": "u", "username": "ann", "email": "", "role": "USER", "createdAt": "now" },
        },
    }))
}

async fn create(request: HttpRequest, payload: web::Payload, seen: Data<Seen>) -> HttpResponse {
    let content_type = request.headers().get("content-type").unwrap().to_str().unwrap().to_owned();
    let body = if content_type.starts_with("multipart/") {
        let mut fields = serde_json::Map::new();
        let mut parts = Multipart::new(request.headers(), payload);
        while let Some(mut part) = parts.try_next().await.unwrap() {
            let value = part.bytes(1_000_000).await.unwrap().unwrap();
            fields.insert(part.name().unwrap().to_owned(), String::from_utf8(value.to_vec()).unwrap().into());
        }
        fields.into()
    } else {
        serde_json::from_slice(&payload.to_bytes().await.unwrap()).unwrap()
    };
    seen.add(&request, body);
    HttpResponse::Created().json(json!({ "success": true, "status": "success", "data": row() }))
}

async fn list(request: HttpRequest, seen: Data<Seen>) -> HttpResponse {
    seen.add(&request, Value::Null);
    HttpResponse::Ok().json(json!({ "success": true, "data": { "tasks": [row()], "total": 1, "page": 1, "pageSize": 5 } }))
}

async fn broken_file() -> HttpResponse {
    let rest = stream::once(async {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        Err(std::io::Error::other("cut"))
    });
    HttpResponse::Ok().streaming(stream::iter([Ok(Bytes::from_static(b"half"))]).chain(rest).boxed_local())
}

fn start() -> (Client, Data<Seen>) {
    let seen = Data::new(Seen::default());
    let state = seen.clone();
    let server = HttpServer::new(move || {
        App::new()
            .app_data(state.clone())
            .route("/api/auth/register", web::post().to(sign_in))
            .route("/api/auth/login", web::post().to(sign_in))
            .route("/api/video/tasks", web::post().to(create))
            .route("/api/video/tasks", web::get().to(list))
            .route("/api/credits/balance", web::get().to(async || web::Json(json!({ "balance": 93 }))))
            .route("/file", web::get().to(async || "a video"))
            .route("/broken", web::get().to(broken_file))
    })
    .workers(1)
    .disable_signals()
    .bind(("127.0.0.1", 0))
    .unwrap();
    let address = server.addrs()[0];
    actix_web::rt::spawn(server.run());
    (Client::new(&format!("http://{address}/")).unwrap(), seen)
}

#[actix_web::test]
async fn signing_in_gives_the_long_lived_token() {
    let (client, seen) = start();
    let session = client.register("ann", "secret").await.unwrap();
    assert_eq!((session.token.as_str(), session.user.username.as_str()), ("long", "ann"));
    assert_eq!(seen.last()["uri"], "/api/auth/register");
    client.login("ann", "secret").await.unwrap();
    let sent = seen.last();
    assert_eq!(sent["uri"], "/api/auth/login");
    assert_eq!(sent["body"], json!({ "username": "ann", "password": "secret" }));
    assert_eq!(sent["authorization"], Value::Null);
}

#[actix_web::test]
async fn a_task_is_sent_as_json_or_with_an_image_as_multipart() {
    let (client, seen) = start();
    let client = client.with_token("long");
    let plain = NewTask {
        duration: Some(4),
        aspect_ratio: Some("16:9".to_owned()),
        idempotency_key: Some("key-1".to_owned()),
        ..NewTask::new("A fox", "sora-2")
    };
    let task = client.create_task(&plain).await.unwrap();
    assert_eq!((task.video_id.as_str(), task.status), ("video_1", TaskStatus::Queued));
    let sent = seen.last();
    assert_eq!(sent["authorization"], "Bearer long");
    assert_eq!(sent["idempotency_key"], "key-1");
    assert_eq!(sent["body"], json!({ "prompt": "A fox", "model": "sora-2", "duration": 4, "aspectRatio": "16:9" }));

    let folder = std::env::temp_dir().join(format!("zoetrope-client-image-{}", std::process::id()));
    std::fs::write(&folder, "picture").unwrap();
    let content = Bytes::from_static(b"picture");
    let images = [ReferenceImage::File(folder.clone()), ReferenceImage::Bytes { file_name: "fox.png".to_owned(), content }];
    for image in images {
        client.create_task(&NewTask { reference_image: Some(image), ..plain.clone() }).await.unwrap();
        let expected = json!({
            "prompt": "A fox", "model": "sora-2", "duration": "4", "aspectRatio": "16:9", "input_reference": "picture",
        });
        assert_eq!(seen.last()["body"], expected);
    }
    std::fs::remove_file(&folder).unwrap();
    let gone = NewTask { reference_image: Some(ReferenceImage::File(folder)), ..plain };
    assert!(matches!(client.create_task(&gone).await, Err(ClientError::File { .. })));
}

#[actix_web::test]
async fn lists_and_bare_answers() {
    let (client, seen) = start();
    let query = ListTasks { page_size: Some(5), status: Some(TaskStatus::Processing), ..ListTasks::default() };
    let page = client.list_tasks(&query).await.unwrap();
    assert_eq!((page.total, page.tasks.len()), (1, 1));
    assert_eq!(page.tasks[0].rest["id"], "1");
    assert_eq!(seen.last()["uri"], "/api/video/tasks?pageSize=5&status=PROCESSING");
    assert_eq!(client.balance().await.unwrap(), 93);
    let missing = client.get_task("video_none").await.unwrap_err();
    assert_eq!(missing.status(), Some(StatusCode::NOT_FOUND));
}

#[actix_web::test]
async fn a_file_appears_whole_or_not_at_all() {
    let (client, _) = start();
    let folder = std::env::temp_dir().join(format!("zoetrope-client-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("video.mp4");
    let link = |name: &str| format!("{}/{name}", client.base_url());

    let broken = client.download(&link("broken"), &path, |_, _| ()).await;
    assert!(matches!(broken, Err(ClientError::Transport(_))), "{broken:?}");
    let missing = client.download(&link("none"), &path, |_, _| ()).await.unwrap_err();
    assert_eq!(missing.status(), Some(StatusCode::NOT_FOUND));
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);

    let mut told = Vec::new();
    let size = client.download(&link("file"), &path, |size, total| told.push((size, total))).await.unwrap();
    assert_eq!((size, std::fs::read(&path).unwrap().as_slice()), (7, &b"a video"[..]));
    assert_eq!(told, [(7, Some(7))]);
    std::fs::remove_dir_all(&folder).unwrap();
}

#[actix_web::test]
async fn a_gateway_that_is_not_there_is_unreachable() {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let error = Client::new(&format!("http://{address}")).unwrap().health().await.unwrap_err();
    assert!(error.is_unreachable(), "{error:?}");
}
