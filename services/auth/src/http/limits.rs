use actix_web::http::Method;
use zoetrope_limits::Class;

/// Under which limit a request falls.
pub fn limit_of(method: &Method, path: &str) -> Option<Class> {
    match path {
        // For services, not for users.
        "/.well-known/jwks.json" => None,
        // As other media files.
        _ if path.starts_with("/media/") => None,
        "/api/auth/register" if method == Method::POST => Some(Class::Register),
        "/api/auth/login"
        | "/api/auth/forgot-password"
        | "/api/auth/reset-password"
        | "/api/auth/send-code"
        | "/api/auth/verify-code"
        | "/api/v1/auth/google"
        | "/api/auth/wechat/login"
        | "/api/auth/admin/login"
            if method == Method::POST =>
        {
            Some(Class::Login)
        }
        _ => Some(Class::General),
    }
}
