//! The answers that any operation may give, whatever it is for: said once, for all.

use utoipa::{
    ToSchema,
    openapi::{
        Content, ContentBuilder, HeaderBuilder, ObjectBuilder, Ref, RefOr, Response, ResponseBuilder, Type, path::Operation,
        schema::AnyOfBuilder,
    },
};

use crate::ProblemBody;

const JSON: &str = "application/json";

/// One of those answers, kept among the components.
struct Common {
    status: &'static str,
    name: &'static str,
    description: &'static str,
    /// Whether an operation may give it.
    concerns: fn(&Operation, &str) -> bool,
}

const COMMON: &[Common] = &[
    Common {
        status: "400",
        name: "BadRequest",
        description: "The request cannot be taken: `errors` names the fields that are wrong.",
        concerns: |_, _| true,
    },
    Common {
        status: "401",
        name: "Unauthorized",
        description: "No token, or none that is good.",
        concerns: |operation, _| operation.security.is_some(),
    },
    Common {
        status: "403",
        name: "Forbidden",
        description: "Signed in, but not allowed: the API key lacks the scope, or the cookie came from a page of a foreign origin.",
        concerns: |operation, _| operation.security.is_some(),
    },
    Common {
        status: "404",
        name: "NotFound",
        description: "There is nothing at this address.",
        concerns: |_, path| path.contains('{'),
    },
    Common { status: "408", name: "RequestTimeout", description: "The request took too long to arrive.", concerns: has_body },
    Common { status: "413", name: "TooLarge", description: "The request is too large.", concerns: has_body },
    Common { status: "414", name: "AddressTooLong", description: "The address is too long.", concerns: |_, _| true },
    Common {
        status: "415",
        name: "UnsupportedMedia",
        description: "The body is not of a content type that is taken here.",
        concerns: has_body,
    },
    Common {
        status: "431",
        name: "HeadersTooLarge",
        description: "The headers, cookies among them, are too large.",
        concerns: |_, _| true,
    },
    Common {
        status: "500",
        name: "InternalError",
        description: "Something went wrong here. `requestId` leads to the reason in the logs.",
        concerns: |_, _| true,
    },
    Common {
        status: "503",
        name: "Unavailable",
        description: "A part of the platform is away or busy: try again.",
        concerns: |_, _| true,
    },
];

fn has_body(operation: &Operation, _: &str) -> bool {
    operation.request_body.is_some()
}

/// Adds to an operation the common answers that it does not describe itself, and to those that it describes otherwise the error body: what
/// stands before a handler gives it in place of the handler's own.
pub(super) fn add_to(operation: &mut Operation, path: &str) {
    for common in COMMON {
        if (common.concerns)(operation, path) {
            let reference = || Ref::from_response_name(common.name).into();
            operation.responses.responses.entry(common.status.to_owned()).or_insert_with(reference);
        }
    }
    let refusals = operation.responses.responses.iter_mut().filter(|(status, _)| status.starts_with(['4', '5']));
    for (_, response) in refusals {
        let RefOr::T(response) = response else { continue };
        match response.content.get_mut(JSON) {
            None => drop(response.content.insert(JSON.to_owned(), problem_body().into())),
            Some(RefOr::T(content)) => admit_problem(content),
            Some(RefOr::Ref(_)) => {}
        }
    }
}

/// Makes the error body one of those that may come.
fn admit_problem(content: &mut Content) {
    let problem = RefOr::Ref(Ref::from_schema_name(ProblemBody::name()));
    content.schema = match content.schema.take() {
        Some(own) if own != problem => Some(AnyOfBuilder::new().item(own).item(problem).into()),
        _ => Some(problem),
    };
}

/// The common answers, by name.
pub(super) fn components() -> impl Iterator<Item = (String, RefOr<Response>)> {
    COMMON.iter().map(|common| (common.name.to_owned(), response(common).into()))
}

fn response(common: &Common) -> Response {
    let response = ResponseBuilder::new().description(common.description).content(JSON, problem_body());
    if common.status == "503" {
        response.header("Retry-After", number("Seconds until it is worth another try."))
    } else {
        response
    }
    .build()
}

/// The content of an error.
pub(super) fn problem_body() -> Content {
    ContentBuilder::new().schema(Some(Ref::from_schema_name(ProblemBody::name()))).build()
}

/// A header that is a number.
pub(super) fn number(description: &str) -> utoipa::openapi::Header {
    let number = ObjectBuilder::new().schema_type(Type::Integer).build();
    HeaderBuilder::new().schema(Some(number)).description(Some(description)).build()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use utoipa::OpenApi;

    use crate::{ProblemBody, openapi::with_common_responses};

    #[utoipa::path(get, path = "/plain", responses((status = 200, description = "Fine")))]
    #[expect(dead_code, reason = "described, never called")]
    fn plain() {}

    #[utoipa::path(
        post,
        path = "/things/{id}",
        params(("id" = String, Path)),
        request_body = String,
        security(("bearer" = [])),
        responses(
            (status = 400, description = "A page", body = String, content_type = "text/html"),
            (status = 404, description = "No such thing", body = ProblemBody),
            (status = 503, description = "Not well", body = Vec<String>),
        )
    )]
    #[expect(dead_code, reason = "described, never called")]
    fn thing() {}

    #[derive(OpenApi)]
    #[openapi(paths(plain, thing))]
    struct Api;

    fn responses(path: &str) -> Value {
        let document = serde_json::to_value(with_common_responses(Api::openapi(), |_, _| None)).unwrap();
        let [(_, operation)] = &document["paths"][path].as_object().unwrap().iter().collect::<Vec<_>>()[..] else {
            panic!("one operation")
        };
        operation["responses"].clone()
    }

    fn statuses(responses: &Value) -> Vec<&str> {
        responses.as_object().unwrap().keys().map(String::as_str).collect()
    }

    const PROBLEM: &str = "#/components/schemas/ProblemBody";

    #[test]
    fn an_operation_gives_the_common_answers_that_concern_it() {
        assert_eq!(statuses(&responses("/plain")), ["200", "400", "414", "431", "500", "503"]);
        let with_everything = ["400", "401", "403", "404", "408", "413", "414", "415", "431", "500", "503"];
        assert_eq!(statuses(&responses("/things/{id}")), with_everything);
    }

    #[test]
    fn what_an_operation_says_itself_stays_and_the_error_body_comes_beside_it() {
        let responses = responses("/things/{id}");
        assert_eq!(responses["404"]["description"], "No such thing");
        assert_eq!(responses["404"]["content"]["application/json"]["schema"], json!({ "$ref": PROBLEM }));
        assert!(responses["400"]["content"]["text/html"].is_object());
        assert_eq!(responses["400"]["content"]["application/json"]["schema"], json!({ "$ref": PROBLEM }));
        let bodies = &responses["503"]["content"]["application/json"]["schema"]["anyOf"];
        assert_eq!((&bodies[0]["type"], &bodies[1]), (&json!("array"), &json!({ "$ref": PROBLEM })));
    }

    #[test]
    fn the_common_answers_are_components() {
        let document = serde_json::to_value(with_common_responses(Api::openapi(), |_, _| None)).unwrap();
        let named = responses("/plain")["503"]["$ref"].as_str().unwrap().replace('#', "");
        let unavailable = document.pointer(&named).unwrap();
        assert!(unavailable["headers"]["Retry-After"].is_object());
        assert_eq!(unavailable["content"]["application/json"]["schema"]["$ref"], PROBLEM);
    }
}
