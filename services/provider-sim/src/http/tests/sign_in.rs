use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use super::*;

impl Sim {
    async fn exchange(&self, code: &str, redirect_uri: &str, secret: &str) -> (StatusCode, Value) {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", redirect_uri),
            ("client_id", "google-client"),
            ("client_secret", secret),
        ];
        let response = self.client.post(format!("{}/google/token", self.base)).form(&form).send().await.unwrap();
        (response.status(), response.json().await.unwrap())
    }

    /// The claims of an ID token, and the name of its key.
    async fn id_token(&self, code: &str) -> (Value, String) {
        let (status, answer) = self.exchange(code, "http://front.end/back", "google-secret").await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        let token = answer["id_token"].as_str().unwrap();
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let (header, claims) = signed.split_once('.').unwrap();
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).unwrap();
        let header: Value = serde_json::from_slice(&decode(header)).unwrap();
        let keys = self.get_json("/google/certs").await;
        let key = keys["keys"].as_array().unwrap().iter().find(|key| key["kid"] == header["kid"]);
        let part = |name: &str| decode(key.unwrap()[name].as_str().unwrap());
        let key = RsaPublicKeyComponents { n: part("n"), e: part("e") };
        key.verify(&RSA_PKCS1_2048_8192_SHA256, signed.as_bytes(), &decode(signature)).unwrap();
        (serde_json::from_slice(&decode(claims)).unwrap(), header["kid"].as_str().unwrap().to_owned())
    }

    async fn wechat(&self, code: &str) -> Value {
        let query =
            [("appid", "wechat-app"), ("secret", "wechat-secret"), ("js_code", code), ("grant_type", "authorization_code")];
        let response = self.client.get(format!("{}/sns/jscode2session", self.base)).query(&query).send().await.unwrap();
        serde_json::from_str(&response.text().await.unwrap()).unwrap()
    }
}

#[actix_web::test]
async fn google_tells_who_the_code_says() {
    let sim = Sim::start();
    let discovered = sim.get_json("/google/.well-known/openid-configuration").await;
    assert_eq!(discovered["issuer"], format!("{}/google", sim.base));
    assert_eq!(discovered["jwks_uri"], format!("{}/google/certs", sim.base));

    let (ann, first_key) = sim.id_token("ann@example.com 1 [sim:name=Ann Lee][sim:nonce=n1]").await;
    assert_eq!((&ann["iss"], &ann["aud"]), (&discovered["issuer"], &json!("google-client")));
    assert_eq!((&ann["email"], &ann["email_verified"]), (&json!("ann@example.com"), &json!(true)));
    assert_eq!((&ann["name"], &ann["nonce"]), (&json!("Ann Lee"), &json!("n1")));
    let (again, _) = sim.id_token("ann@example.com 2 [sim:unverified]").await;
    assert_eq!((&again["sub"], &again["email_verified"]), (&ann["sub"], &json!(false)));

    let rotated: Value = sim.request(Method::POST, "/simulation/google/keys").send().await.unwrap().json().await.unwrap();
    let (_, second_key) = sim.id_token("ann@example.com 3").await;
    assert_eq!(rotated["kid"], second_key);
    assert_ne!(first_key, second_key);
    assert_eq!(sim.get_json("/google/certs").await["keys"].as_array().unwrap().len(), 2);
}

#[actix_web::test]
async fn google_refuses_a_code_that_is_not_good() {
    let sim = Sim::start();
    let page = "http://front.end/back";
    let refused = async |code: &str, page: &str, secret: &str| sim.exchange(code, page, secret).await.1["error"].clone();
    assert_eq!(refused("ann@example.com 1", page, "guessed").await, "invalid_client");
    assert_eq!(refused("nonsense", page, "google-secret").await, "invalid_grant");
    let bound = "ann@example.com 1 [sim:redirect_uri=http://front.end/back]";
    assert_eq!(refused(bound, "http://elsewhere/", "google-secret").await, "redirect_uri_mismatch");
    sim.id_token(bound).await;
    assert_eq!(refused(bound, page, "google-secret").await, "invalid_grant");
    let faulty = "ann@example.com 2 [sim:google_token=503 retry_after=7]";
    assert_eq!(sim.exchange(faulty, page, "google-secret").await.0, StatusCode::SERVICE_UNAVAILABLE);
    sim.id_token(faulty).await;
    let (_, answer) = sim.exchange("ann@example.com 3 [sim:id_token=missing]", page, "google-secret").await;
    assert_eq!(answer["id_token"], Value::Null);
}

#[actix_web::test]
async fn google_sends_the_browser_back_with_a_code() {
    let sim = Sim::start();
    let client = Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let query = [("client_id", "google-client"), ("redirect_uri", "http://front.end/back"), ("state", "s"), ("nonce", "n2")];
    let back = client.get(format!("{}/google/authorize", sim.base)).query(&query).send().await.unwrap();
    let location: url::Url = back.headers()["location"].to_str().unwrap().parse().unwrap();
    let said = |name: &str| location.query_pairs().find(|(key, _)| key == name).unwrap().1.into_owned();
    assert_eq!(said("state"), "s");
    let (claims, _) = sim.id_token(&said("code")).await;
    assert_eq!((&claims["email"], &claims["nonce"]), (&json!("developer@example.com"), &json!("n2")));
}

#[actix_web::test]
async fn wechat_tells_an_openid_or_an_error() {
    let sim = Sim::start();
    let ann = sim.wechat("ann 1 [sim:unionid=union-ann]").await;
    assert_eq!((&ann["openid"], &ann["unionid"]), (&json!("ann"), &json!("union-ann")));
    assert!(ann["session_key"].is_string());
    for (code, errcode) in [("ann 1 [sim:unionid=union-ann]", 40163), ("", 40029), ("ann [sim:errcode=-1]", -1)] {
        assert_eq!(sim.wechat(code).await["errcode"], errcode, "{code}");
    }
    assert_eq!(sim.books().await["totals"]["wechat_sessions"], 4);
}
