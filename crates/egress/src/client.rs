use std::{error::Error, sync::Arc, time::Duration};

use reqwest::{Method, RequestBuilder, dns::Resolve, redirect};

use crate::{Destinations, GuardedResolver, Refused, SystemResolver, WebAddress};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Long enough for a series of requests, and no longer: users' hosts close connections as they like.
const IDLE_TIMEOUT: Duration = Duration::from_secs(15);

/// Makes requests to addresses that users gave. Cheap to clone.
///
/// It follows no redirect, since each hop would be another address to judge, and uses no proxy, which would look names up by itself.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    destinations: Arc<Destinations>,
}

impl Client {
    /// `agent` presents us to the hosts that are called.
    ///
    /// # Errors
    ///
    /// When the system has no certificates to trust.
    pub fn new(destinations: Destinations, agent: &str) -> Result<Self, reqwest::Error> {
        Self::with_resolver(destinations, agent, SystemResolver)
    }

    /// As [`new`](Self::new), with another way to look names up, whose answers are judged all the same.
    ///
    /// # Errors
    ///
    /// When the system has no certificates to trust.
    pub fn with_resolver(
        destinations: Destinations,
        agent: &str,
        resolver: impl Resolve + 'static,
    ) -> Result<Self, reqwest::Error> {
        let destinations = Arc::new(destinations);
        let http = reqwest::Client::builder()
            .dns_resolver(GuardedResolver::new(resolver, Arc::clone(&destinations)))
            .redirect(redirect::Policy::none())
            .no_proxy()
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .user_agent(agent)
            .build()?;
        Ok(Self { http, destinations })
    }

    pub fn destinations(&self) -> &Destinations {
        &self.destinations
    }

    /// Begins a request.
    ///
    /// # Errors
    ///
    /// When the address itself tells that no request may go there; the resolver, which judges names, is not asked for a literal address.
    pub fn request(&self, method: Method, address: &WebAddress) -> Result<RequestBuilder, Refused> {
        self.destinations.check(address)?;
        Ok(self.http.request(method, address.url().clone()))
    }

    /// Whether a request failed because its host's name leads to no permitted address.
    pub fn refusal(error: &reqwest::Error) -> Option<Refused> {
        let first: &(dyn Error + 'static) = error;
        std::iter::successors(Some(first), |&error| error.source()).find_map(|error| error.downcast_ref::<Refused>().copied())
    }
}

#[cfg(test)]
mod tests;
