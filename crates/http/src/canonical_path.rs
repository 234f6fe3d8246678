use actix_web::{
    Error,
    body::BoxBody,
    dev::{ResourceMap, ServiceRequest, ServiceResponse, Url},
    http::{Uri, uri::PathAndQuery},
    middleware::Next,
};

/// The middleware that takes repeated slashes for one, and a slash at the end for none where the address is known without it.
///
/// It goes around everything that looks at the path: what decides on limits, access and metrics must see the address that is served. An
/// encoded slash (`%2F`) separates nothing and stays what it is.
///
/// Not actix's `NormalizePath`: that removes or keeps the slash at the end everywhere, and some addresses need it.
pub(crate) async fn canonical_path(mut request: ServiceRequest, next: Next<BoxBody>) -> Result<ServiceResponse<BoxBody>, Error> {
    if let Some(path) = canonical(request.head().uri.path(), request.resource_map())
        && let Some(uri) = with_path(request.uri(), &path)
    {
        request.match_info_mut().set(Url::new(uri.clone()));
        request.head_mut().uri = uri;
    }
    next.call(request).await
}

/// The path to be served, if it is another one.
fn canonical(path: &str, known: &ResourceMap) -> Option<String> {
    let merged = merge_slashes(path);
    let trimmed = merged.as_deref().unwrap_or(path).strip_suffix('/');
    let is_known = |trimmed: &&str| !trimmed.is_empty() && known.has_resource(trimmed);
    match trimmed.filter(|trimmed| !known.has_resource(&format!("{trimmed}/"))).filter(is_known) {
        Some(trimmed) => Some(trimmed.to_owned()),
        None => merged,
    }
}

fn merge_slashes(path: &str) -> Option<String> {
    if !path.contains("//") {
        return None;
    }
    let mut merged = String::with_capacity(path.len());
    for letter in path.chars() {
        if letter != '/' || !merged.ends_with('/') {
            merged.push(letter);
        }
    }
    Some(merged)
}

fn with_path(uri: &Uri, path: &str) -> Option<Uri> {
    let text = match uri.query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(text).ok()?);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use actix_web::{
        App, HttpRequest,
        middleware::from_fn,
        test::{TestRequest, call_service, init_service, read_body},
        web,
    };

    use super::*;

    /// The route that serves a path, and what it sees of it; empty when none does.
    async fn served(path: &str) -> String {
        let seen = |name: &'static str| {
            move |request: HttpRequest| async move {
                format!("{name} {} {} {}", request.path(), request.match_info().get("id").unwrap_or("-"), request.query_string())
            }
        };
        let service = init_service(
            App::new()
                .wrap(from_fn(canonical_path))
                .service(web::resource("/api/things").to(seen("list")))
                .service(web::resource("/api/things/{id}").to(seen("thing")))
                .service(web::resource("/api/things/{id}/files/{name}").to(seen("file")))
                .service(web::resource("/docs").to(seen("docs")))
                .service(web::resource("/docs/{rest:.*}").to(seen("page"))),
        )
        .await;
        let response = call_service(&service, TestRequest::with_uri(path).to_request()).await;
        String::from_utf8(read_body(response).await.to_vec()).unwrap()
    }

    #[actix_web::test]
    async fn repeated_slashes_are_one() {
        for path in
            ["/api/things?a=//b", "//api/things?a=//b", "///api//things?a=//b", "/api/things/?a=//b", "//api//things//?a=//b"]
        {
            assert_eq!(served(path).await, "list /api/things - a=//b", "{path}");
        }
        assert_eq!(served("/api//things//7//files///x").await, "file /api/things/7/files/x 7 ");
    }

    #[actix_web::test]
    async fn a_slash_at_the_end_is_none_unless_it_means_something() {
        assert_eq!(served("/api/things/7/").await, "thing /api/things/7 7 ");
        assert_eq!(served("/docs").await, "docs /docs - ");
        assert_eq!(served("/docs/").await, "page /docs/ - ");
        assert_eq!(served("//docs//").await, "page /docs/ - ");
        for unknown in ["/", "//", "/nothing/", "/api/things/7/files/"] {
            assert_eq!(served(unknown).await, "", "{unknown}");
        }
    }

    #[actix_web::test]
    async fn an_encoded_slash_separates_nothing() {
        for path in ["/api%2Fthings", "/%2Fapi/things", "/api/things/7%2Ffiles%2Fx/y"] {
            assert_eq!(served(path).await, "", "{path}");
        }
        // It is a part of the id, as it always was.
        assert_eq!(served("/api/things/a%2F%2Fb").await, "thing /api/things/a%2F%2Fb a%2F%2Fb ");
    }
}
