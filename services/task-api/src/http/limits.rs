use actix_web::http::Method;
use zoetrope_limits::Class;

/// Under which limit a request falls.
pub fn limit_of(method: &Method, path: &str) -> Option<Class> {
    match path {
        "/health" | "/api-docs" => None,
        "/api/video/tasks" | "/api/videos/generate-stream" | "/videos/generate-stream" if method == Method::POST => {
            Some(Class::Generation)
        }
        // Files, by links that are signed: a player asks for many pieces of one.
        _ if path.starts_with("/media/") || path.starts_with("/api-docs/") => None,
        _ if path.starts_with("/api/video/") => Some(Class::Video),
        _ => Some(Class::General),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_a_provider_work_is_generation_and_looking_is_not() {
        assert_eq!(limit_of(&Method::POST, "/api/video/tasks"), Some(Class::Generation));
        assert_eq!(limit_of(&Method::POST, "/api/videos/generate-stream"), Some(Class::Generation));
        assert_eq!(limit_of(&Method::GET, "/api/video/tasks"), Some(Class::Video));
        assert_eq!(limit_of(&Method::POST, "/api/video/tasks/recover"), Some(Class::Video));
        assert_eq!(limit_of(&Method::GET, "/api/videos/1"), Some(Class::General));
    }

    #[test]
    fn files_and_health_are_not_limited() {
        for path in ["/media/videos/1/video.mp4", "/health", "/api-docs", "/api-docs/index.html"] {
            assert_eq!(limit_of(&Method::GET, path), None, "{path}");
        }
    }
}
