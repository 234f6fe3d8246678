use actix_web::{HttpRequest, http::Method};
use zoetrope_tokens::{Caller, Scope};

use crate::Problem;

/// What an API key needs for a route: app data of a resource, or of a whole service. A route that says nothing is for no key, so that a new one
/// is never open by oversight.
#[derive(Debug, Clone, Copy)]
pub enum KeyAccess {
    /// `read` for GET, `write` for every other method. For answers to changes that tell no more than what was sent.
    ByMethod,
    /// All of these scopes, whatever the method.
    Needs(&'static [Scope]),
    /// For people who signed in, such as everything that would let a stolen key make itself at home.
    Never,
}

impl KeyAccess {
    pub(crate) fn of(request: &HttpRequest) -> Self {
        request.app_data::<Self>().copied().unwrap_or(Self::Never)
    }

    /// 403 for an API key that is not good for this.
    pub(crate) fn check(self, method: &Method, caller: &Caller) -> Result<(), Problem> {
        let Some(scopes) = &caller.scopes else { return Ok(()) };
        let needed: &[Scope] = match self {
            Self::ByMethod if matches!(*method, Method::GET | Method::HEAD) => &[Scope::Read],
            Self::ByMethod => &[Scope::Write],
            Self::Needs(needed) => needed,
            Self::Never => return Err(needs_a_session()),
        };
        match needed.iter().find(|scope| !scopes.contains(**scope)) {
            Some(missing) => Err(Problem::forbidden(format!("this API key lacks the scope {missing}"))),
            None => Ok(()),
        }
    }
}

pub(crate) fn needs_a_session() -> Problem {
    Problem::forbidden("an API key cannot do this: sign in")
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use uuid::Uuid;
    use zoetrope_domain::OwnerGeneration;
    use zoetrope_tokens::{Credential, Role, Scopes};

    use super::*;
    use crate::ProblemCode;

    fn caller(scopes: Option<Scopes>) -> Caller {
        let id = Uuid::from_u128(1);
        let (user_id, username) = (id.into(), "ann".to_owned());
        let credential = Credential::ApiKey(id.into());
        Caller {
            user_id,
            owner_generation: OwnerGeneration::FIRST,
            username,
            role: Role::User,
            credential,
            scopes,
            expires_at: None,
            signed_by: None,
        }
    }

    fn allowed(request: TestRequest, scopes: Option<Scopes>) -> bool {
        let request = request.to_http_request();
        let checked = KeyAccess::of(&request).check(request.method(), &caller(scopes));
        checked.map_err(|problem| assert_eq!(problem.code(), ProblemCode::Forbidden)).is_ok()
    }

    fn only(scope: Scope) -> Option<Scopes> {
        Some(Scopes::from_iter([scope]))
    }

    #[test]
    fn an_api_key_does_what_its_scopes_say() {
        let by_method = |request: TestRequest| request.app_data(KeyAccess::ByMethod);
        let (get, post) = (|| by_method(TestRequest::get()), || by_method(TestRequest::post()));
        assert!(allowed(get(), only(Scope::Read)) && !allowed(get(), only(Scope::Write)));
        assert!(allowed(post(), only(Scope::Write)) && !allowed(post(), only(Scope::Read)));
        let webhooks = || TestRequest::get().app_data(KeyAccess::Needs(&[Scope::Webhooks]));
        assert!(allowed(webhooks(), only(Scope::Webhooks)) && !allowed(webhooks(), only(Scope::Read)));
        let people = || TestRequest::get().app_data(KeyAccess::Never);
        assert!(allowed(people(), None) && !allowed(people(), Some(Scopes::all())));
    }

    #[test]
    fn a_route_may_need_several_scopes() {
        let both = || TestRequest::post().app_data(KeyAccess::Needs(&[Scope::Read, Scope::Write]));
        assert!(!allowed(both(), only(Scope::Read)) && !allowed(both(), only(Scope::Write)));
        assert!(allowed(both(), Some(Scopes::from_iter([Scope::Read, Scope::Write]))));
    }

    #[test]
    fn a_route_that_says_nothing_is_for_no_key() {
        for request in [TestRequest::get, TestRequest::post] {
            assert!(allowed(request(), None) && !allowed(request(), Some(Scopes::all())));
        }
    }
}
