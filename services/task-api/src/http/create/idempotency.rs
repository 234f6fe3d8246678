use actix_web::http::header::HeaderMap;
use aws_lc_rs::digest::{SHA256, digest};
use serde::Serialize;
use zoetrope_domain::VideoRequest;
use zoetrope_egress::WebAddress;
use zoetrope_http::Problem;

/// The header with which a client makes a repeated create harmless.
pub const HEADER: &str = "Idempotency-Key";
const LONGEST_KEY: usize = 255;

/// The key of a request, if it brings one.
pub fn key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get(HEADER) else { return Ok(None) };
    match value.to_str() {
        Ok("") => Ok(None),
        Ok(key) if key.len() <= LONGEST_KEY => Ok(Some(key.to_owned())),
        _ => Err(Problem::field(HEADER, format!("must be up to {LONGEST_KEY} ASCII characters"))),
    }
}

/// Tells one request from another: SHA-256 of everything that was asked for, in whichever form it came.
pub fn fingerprint(
    request: &VideoRequest,
    client_request_id: Option<&str>,
    callback_url: Option<&WebAddress>,
    image: Option<&[u8; 32]>,
) -> [u8; 32] {
    #[derive(Serialize)]
    struct Asked<'a> {
        what: &'static str,
        prompt: &'a str,
        model: &'a str,
        seconds: Option<u32>,
        size: Option<String>,
        aspect_ratio: Option<&'static str>,
        watermark: bool,
        client_request_id: Option<&'a str>,
        /// Left out when absent: a request without one has the fingerprint that it had before there were any.
        #[serde(skip_serializing_if = "Option::is_none")]
        callback_url: Option<&'a WebAddress>,
        image: Option<&'a [u8; 32]>,
    }

    let asked = Asked {
        what: "video",
        prompt: &request.prompt,
        model: &request.model,
        seconds: request.seconds,
        size: request.size.map(|size| size.to_string()),
        aspect_ratio: request.aspect_ratio.map(|ratio| ratio.as_str()),
        watermark: request.watermark,
        client_request_id,
        callback_url,
        image,
    };
    let mut print = [0; 32];
    print.copy_from_slice(digest(&SHA256, serde_json::json!(asked).to_string().as_bytes()).as_ref());
    print
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};

    use super::*;

    fn read(value: &str) -> Result<Option<String>, Problem> {
        let mut headers = HeaderMap::new();
        headers.insert(HeaderName::from_static("idempotency-key"), HeaderValue::from_bytes(value.as_bytes()).unwrap());
        key(&headers)
    }

    #[test]
    fn a_key_is_optional_short_and_readable() {
        assert_eq!(key(&HeaderMap::new()).unwrap(), None);
        assert_eq!(read("").unwrap(), None);
        assert_eq!(read("order 7").unwrap().as_deref(), Some("order 7"));
        assert!(read(&"x".repeat(256)).is_err());
        assert!(read("ключ").is_err());
    }

    #[test]
    fn another_request_has_another_fingerprint() {
        let request = VideoRequest { prompt: "a".to_owned(), model: "m".to_owned(), ..VideoRequest::default() };
        let print = fingerprint(&request, None, None, None);
        assert_eq!(print, fingerprint(&request.clone(), None, None, None));
        assert_ne!(print, fingerprint(&VideoRequest { seconds: Some(5), ..request.clone() }, None, None, None));
        assert_ne!(print, fingerprint(&request, Some("mine"), None, None));
        let address = "https://example.com".parse().unwrap();
        assert_ne!(print, fingerprint(&request, None, Some(&address), None));
        assert_ne!(print, fingerprint(&request, None, None, Some(&[0; 32])));
    }
}
