use actix_web::http::Method;
use zoetrope_limits::Class;

/// Under which limit a request falls.
pub fn limit_of(_method: &Method, path: &str) -> Option<Class> {
    match path {
        // Connections are counted while they last. After a restart, all of an office come back at once, from one address; and a browser
        // that is refused an event stream does not try again.
        "/ws" | "/api/events" => None,
        _ if path.starts_with("/api/tasks/") && path.ends_with("/events") => None,
        _ => Some(Class::General),
    }
}
