//! Over real HTTP, because what a client sees of a cut connection can be seen in no other way.

mod faults;
mod files;
mod lifecycle;
mod sign_in;
mod submission;

use actix_web::{App, HttpServer, web::Data};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};

use super::{ApiKeys, routes};
use crate::{
    behaviour::{Behaviour, BehaviourChange},
    settings::{GoogleSettings, WeChatSettings},
    simulator::Simulator,
};

const KEY: &str = "sk-test";

/// A simulator on a port of its own, and a client for it.
struct Sim {
    base: String,
    client: Client,
}

impl Sim {
    /// Videos take no time and are cheap, unless a directive says otherwise.
    fn start() -> Self {
        let change =
            BehaviourChange { duration_seconds: Some(0.0), queue_seconds: Some(0.0), cheap: Some(true), directives: None };
        let simulator = Data::new(Simulator::new(Behaviour::default().with(change).unwrap()));
        let keys = Data::new(ApiKeys::new([KEY]).unwrap());
        let (google, wechat) = (Data::new(GoogleSettings::default()), Data::new(WeChatSettings::default()));
        let app = move || {
            let data = App::new().app_data(simulator.clone()).app_data(keys.clone());
            data.app_data(google.clone()).app_data(wechat.clone()).configure(routes)
        };
        let server = HttpServer::new(app).workers(1).disable_signals().bind(("127.0.0.1", 0)).unwrap();
        let base = format!("http://{}", server.addrs()[0]);
        actix_web::rt::spawn(server.run());
        Self { base, client: Client::new() }
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.base)).bearer_auth(KEY)
    }

    async fn get(&self, path: &str) -> Response {
        self.request(Method::GET, path).send().await.unwrap()
    }

    async fn get_json(&self, path: &str) -> Value {
        let response = self.get(path).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        response.json().await.unwrap()
    }

    fn submission(&self, prompt: &str) -> RequestBuilder {
        self.request(Method::POST, "/v1/videos").json(&json!({ "prompt": prompt, "seconds": "1", "size": "320x180" }))
    }

    /// Submits and returns the id.
    async fn submit(&self, prompt: &str) -> String {
        let response = self.submission(prompt).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        let video: Value = response.json().await.unwrap();
        video["id"].as_str().unwrap().to_owned()
    }

    async fn books(&self) -> Value {
        self.get_json("/simulation/submissions").await
    }
}
