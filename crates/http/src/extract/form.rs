use actix_multipart::{Field, Multipart, MultipartError};
use actix_web::{HttpRequest, dev::Payload, http::header::HeaderName};
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};

use super::{
    charset::{is_utf8, must_be_utf8},
    content_type::check_form,
};
use crate::{
    Problem,
    body::{BodyBuffer, BodyMemory, Offload, keep_for_request, payload_problem},
};

/// Fields of a form, wanted or not.
const MOST_FIELDS: usize = 100;
/// Bytes of fields that nobody asked for: such forms are read to their end all the same.
const MOST_UNWANTED_BYTES: usize = 16 * 1024 * 1024;
/// In it a browser says in which charset all texts of the form are.
const CHARSET_FIELD: &str = "_charset_";
const LONGEST_CHARSET: usize = 1024;
const TRANSFER_ENCODING: HeaderName = HeaderName::from_static("content-transfer-encoding");

/// A form with files (`multipart/form-data`), read field by field in the order in which they come.
pub struct Form {
    request: HttpRequest,
    parts: Multipart,
    fields: usize,
    unwanted_left: usize,
}

/// A field of a form. It must be read, as [`text`](Self::text), [`file`](Self::file) or [`skip`](Self::skip), before the next.
pub struct FormField {
    request: HttpRequest,
    field: Field,
    name: String,
}

impl Form {
    pub fn new(request: &HttpRequest, payload: Payload) -> Self {
        let parts = Multipart::new(request.headers(), payload);
        Self { request: request.clone(), parts, fields: 0, unwanted_left: MOST_UNWANTED_BYTES }
    }

    pub async fn next(&mut self) -> Result<Option<FormField>, Problem> {
        check_form(self.request.headers())?;
        while let Some(field) = self.parts.next().await {
            let field = field.map_err(form_problem)?;
            self.fields += 1;
            if self.fields > MOST_FIELDS {
                return Err(Problem::field("body", format!("must not have more than {MOST_FIELDS} fields")));
            }
            let name = field.name().unwrap_or_default().to_owned();
            let field = FormField { request: self.request.clone(), field, name };
            if field.name != CHARSET_FIELD {
                return Ok(Some(field));
            }
            let charset = field.text(LONGEST_CHARSET).await?;
            if !is_utf8(&charset) {
                return Err(Problem::field(CHARSET_FIELD, must_be_utf8(Some(&charset))));
            }
        }
        Ok(None)
    }

    /// Reads over a field that nobody asked for.
    pub async fn skip(&mut self, mut field: FormField) -> Result<(), Problem> {
        while let Some(chunk) = field.field.next().await {
            let length = chunk.map_err(form_problem)?.len();
            self.unwanted_left = self.unwanted_left.checked_sub(length).ok_or_else(|| too_large(MOST_UNWANTED_BYTES))?;
        }
        Ok(())
    }
}

impl FormField {
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether the client says that it is a file, with a name or without.
    pub fn is_file(&self) -> bool {
        self.field.content_disposition().is_some_and(|disposition| disposition.get_filename().is_some())
    }

    /// The text of the field, up to a length in bytes; it must be in UTF-8 and not say anything else. A file with text in it is taken, too:
    /// scripts send text as a `Blob`.
    pub async fn text(mut self, limit: usize) -> Result<String, Problem> {
        let refused = |charset| Problem::field(self.name.as_str(), must_be_utf8(charset));
        let charset = self.field.content_type().and_then(|mime| mime.get_param("charset"));
        if let Some(charset) = charset.filter(|charset| !is_utf8(charset.as_str())) {
            return Err(refused(Some(charset.as_str())));
        }
        self.check_encoding()?;
        let memory = BodyMemory::of(&self.request);
        let longest = memory.longest_body();
        let mut buffer = BodyBuffer::new(memory.clone(), limit.min(longest), None);
        while let Some(chunk) = self.field.next().await {
            buffer.push(&chunk.map_err(form_problem)?)?;
        }
        let (text, hold) = buffer.finish();
        keep_for_request(&self.request, hold);
        let text = Offload::new(memory, text.len()).run(0, move || String::from_utf8(text)).await?;
        text.map_err(|_| Problem::field(self.name.as_str(), must_be_utf8(None)))
    }

    /// The bytes of a file; `None` when there are none, as a browser sends it for an input in which no file was chosen. So does a script
    /// that appends nothing, which becomes the text `null` or `undefined`.
    pub async fn file(self) -> Result<Option<impl Stream<Item = Result<Bytes, Problem>> + Unpin>, Problem> {
        const SAID_OF_NOTHING: [&[u8]; 2] = [b"null", b"undefined"];
        const LONGEST_OF_THEM: usize = 9;

        self.check_encoding()?;
        let is_file = self.is_file();
        let mut content = self.field.map(|chunk| chunk.map_err(form_problem)).fuse();
        let mut head: Vec<Bytes> = Vec::new();
        let mut length = 0;
        while length <= LONGEST_OF_THEM
            && let Some(chunk) = content.next().await
        {
            let chunk = chunk?;
            length += chunk.len();
            head.push(chunk);
        }
        let is_nothing = length == 0 || (!is_file && SAID_OF_NOTHING.contains(&head.concat().trim_ascii()));
        let whole = stream::iter(head.into_iter().filter(|chunk| !chunk.is_empty()).map(Ok)).chain(content);
        Ok((!is_nothing).then_some(whole))
    }

    /// What is written in base64 or quoted-printable, as in mails, would be taken for what it is not.
    fn check_encoding(&self) -> Result<(), Problem> {
        let Some(encoding) = self.field.headers().get(TRANSFER_ENCODING) else { return Ok(()) };
        let encoding = encoding.to_str().unwrap_or_default().trim().to_ascii_lowercase();
        if matches!(encoding.as_str(), "" | "7bit" | "8bit" | "binary") {
            return Ok(());
        }
        Err(Problem::field(self.name.as_str(), "must be sent as it is, without a Content-Transfer-Encoding"))
    }
}

fn too_large(limit: usize) -> Problem {
    Problem::too_large(u64::try_from(limit).unwrap_or(u64::MAX))
}

fn form_problem(error: MultipartError) -> Problem {
    match error {
        MultipartError::Payload(error) => payload_problem(error),
        error => Problem::field("body", format!("is not a readable form: {error}")),
    }
}
