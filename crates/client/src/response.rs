//! Answers as they came, and how they are read.

use bytes::Bytes;
use reqwest::{
    Response, StatusCode,
    header::{HeaderMap, RETRY_AFTER},
};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{ClientError, Refusal};

/// A complete answer, whatever its status.
#[derive(Debug, Clone)]
pub struct RawResponse {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl RawResponse {
    /// Reads the whole body.
    ///
    /// # Errors
    ///
    /// [`ClientError::Transport`] when it does not end properly.
    pub async fn read(response: Response) -> Result<Self, ClientError> {
        let (status, headers) = (response.status(), response.headers().clone());
        let body = response.bytes().await.map_err(ClientError::Transport)?;
        Ok(Self { status, headers, body })
    }

    /// The value of a header, when it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The body as text; what is not UTF-8 is replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON, whatever the status.
    ///
    /// # Errors
    ///
    /// [`ClientError::UnexpectedBody`] when it is not JSON.
    pub fn json(&self) -> Result<Value, ClientError> {
        serde_json::from_slice(&self.body).map_err(|source| self.unexpected(source))
    }

    /// Nothing for a 2xx.
    ///
    /// # Errors
    ///
    /// [`ClientError::Refused`] for any other status.
    pub fn check(&self) -> Result<(), ClientError> {
        if self.status.is_success() { Ok(()) } else { Err(self.refusal()) }
    }

    pub(crate) fn refusal(&self) -> ClientError {
        ClientError::Refused(Box::new(Refusal {
            status: self.status,
            retry_after: self.header(RETRY_AFTER.as_str()).and_then(|seconds| seconds.parse().ok()),
            problem: serde_json::from_slice(&self.body).ok(),
            body: self.text(),
        }))
    }

    /// The result of a 2xx: what is in `data`, or the whole body of a family that has no envelope.
    ///
    /// # Errors
    ///
    /// [`ClientError::Refused`] for any other status, [`ClientError::UnexpectedBody`] when the result is not a `T`.
    pub fn data<T: DeserializeOwned>(&self) -> Result<T, ClientError> {
        self.check()?;
        let mut body = self.json()?;
        let data = body.as_object_mut().and_then(|body| body.remove("data"));
        serde_json::from_value(data.unwrap_or(body)).map_err(|source| self.unexpected(source))
    }

    fn unexpected(&self, source: serde_json::Error) -> ClientError {
        ClientError::UnexpectedBody { body: self.text(), source }
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    fn answer(status: u16, body: &str) -> RawResponse {
        RawResponse {
            status: StatusCode::from_u16(status).unwrap(),
            headers: HeaderMap::from_iter([(RETRY_AFTER, "7".parse().unwrap())]),
            body: Bytes::copy_from_slice(body.as_bytes()),
        }
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Balance {
        balance: i64,
    }

    #[test]
    fn results_come_enveloped_or_bare() {
        for body in [r#"{"success":true,"data":{"balance":3}}"#, r#"{"balance":3}"#] {
            assert_eq!(answer(200, body).data::<Balance>().unwrap(), Balance { balance: 3 });
        }
        let error = answer(200, "{}").data::<Balance>().unwrap_err();
        assert!(matches!(error, ClientError::UnexpectedBody { .. }));
    }

    #[test]
    fn a_problem_is_read_and_told() {
        let body = r#"{"success":false,"status":"fail","error":"Payment Required","code":"INSUFFICIENT_CREDITS",
            "message":"100 credits are needed","detail":"","statusCode":402,"requestId":"r-1","errors":[],
            "data":{"required":100,"current":3}}"#;
        let error = answer(402, body).data::<Balance>().unwrap_err();
        let refusal = error.refusal().unwrap();
        assert_eq!(refusal.problem.as_ref().unwrap().data["current"], 3);
        assert_eq!(error.to_string(), "INSUFFICIENT_CREDITS: 100 credits are needed [request r-1] (402); try again in 7 s");
    }

    #[test]
    fn a_proxy_s_answer_is_a_refusal_too() {
        let error = answer(502, "<html>Bad Gateway</html>").check().unwrap_err();
        assert!(error.is_unreachable());
        assert!(error.refusal().unwrap().problem.is_none());
        assert_eq!(error.to_string(), "the server answered 502 Bad Gateway; try again in 7 s");
    }
}
