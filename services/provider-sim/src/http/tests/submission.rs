use std::io::Cursor;

use image::{ImageFormat, RgbImage};
use reqwest::multipart::{Form, Part};

use super::*;

fn png() -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    RgbImage::new(64, 36).write_to(&mut file, ImageFormat::Png).unwrap();
    file.into_inner()
}

fn form(image: Vec<u8>) -> Form {
    Form::new()
        .text("prompt", "A fox")
        .text("model", "sora-2-pro")
        .text("seconds", "8")
        .text("size", "1280x720")
        .text("something_new", "is ignored")
        .part("input_reference", Part::bytes(image).file_name("fox.bin"))
}

#[actix_web::test]
async fn multipart_with_an_image() {
    let sim = Sim::start();
    let image = png();
    let length = image.len();
    let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let response =
        sim.request(Method::POST, "/v1/videos").multipart(form(image)).header("traceparent", traceparent).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let video: Value = response.json().await.unwrap();
    assert_eq!(video["model"], "sora-2-pro");
    assert_eq!(video["seconds"], "8");
    let submission = sim.books().await["submissions"][0].clone();
    let expected = json!({
        "idempotency_key": null,
        "prompt": "A fox",
        "video_id": video["id"],
        "times": 1,
        "has_reference_image": true,
        "reference_image_bytes": length,
        "traceparent": traceparent,
    });
    assert_eq!(submission, expected);
}

#[actix_web::test]
async fn an_unreadable_image_is_refused() {
    let sim = Sim::start();
    let response = sim.request(Method::POST, "/v1/videos").multipart(form(b"no image".to_vec())).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["error"]["param"], "input_reference");
    assert_eq!(sim.books().await["totals"]["accepted"], 0);
}

#[actix_web::test]
async fn defaults_and_numbers() {
    let sim = Sim::start();
    let send = async |body: Value| -> Value {
        let request = sim.request(Method::POST, "/v1/videos").json(&body);
        request.send().await.unwrap().json().await.unwrap()
    };
    let video = send(json!({ "prompt": "A fox" })).await;
    assert_eq!((&video["seconds"], &video["size"]), (&json!("4"), &json!("720x1280")));
    assert_eq!(send(json!({ "prompt": "A fox", "seconds": 12 })).await["seconds"], "12");
}

#[actix_web::test]
async fn what_cannot_be_used_is_named() {
    let sim = Sim::start();
    let cases = [
        (json!({}), json!("prompt")),
        (json!({ "prompt": "  " }), json!("prompt")),
        (json!({ "prompt": "A fox [sim:explode]" }), json!("prompt")),
        (json!({ "prompt": "A fox", "seconds": "0" }), json!("seconds")),
        (json!({ "prompt": "A fox", "seconds": "61" }), json!("seconds")),
        (json!({ "prompt": "A fox", "seconds": "four" }), json!("seconds")),
        (json!({ "prompt": "A fox", "size": "big" }), json!("size")),
        (json!({ "prompt": 3 }), Value::Null),
        (json!("A fox"), Value::Null),
    ];
    for (body, param) in cases {
        let response = sim.request(Method::POST, "/v1/videos").json(&body).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{body}");
        let error: Value = response.json().await.unwrap();
        assert_eq!(error["error"]["param"], param, "{body}");
        assert_eq!(error["error"]["type"], "invalid_request_error", "{body}");
    }
    assert_eq!(sim.books().await["totals"]["accepted"], 0);
}

#[actix_web::test]
async fn the_books_can_be_emptied() {
    let sim = Sim::start();
    let id = sim.submit("A fox").await;
    let reset = sim.request(Method::DELETE, "/simulation/submissions").send().await.unwrap();
    assert_eq!(reset.status(), StatusCode::NO_CONTENT);
    let books = sim.books().await;
    assert_eq!(books["submissions"], json!([]));
    assert!(books["totals"].as_object().unwrap().values().all(|total| *total == 0), "{}", books["totals"]);
    assert_eq!(sim.get(&format!("/v1/videos/{id}")).await.status(), StatusCode::OK);
}
