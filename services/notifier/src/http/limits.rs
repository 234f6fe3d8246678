use actix_web::http::Method;
use zoetrope_limits::Class;

/// Under which limit a request falls.
pub fn limit_of(_method: &Method, path: &str) -> Option<Class> {
    match path {
        // Connections are counted while they last. After a restart, all of an office come back at once, from one address.
        "/ws" => None,
        _ => Some(Class::General),
    }
}
