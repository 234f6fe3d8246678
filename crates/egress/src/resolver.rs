use std::{net::SocketAddr, sync::Arc};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::{Destinations, Refused};

/// Asks the system, as every program does.
#[derive(Debug, Clone, Copy)]
pub struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            // The port is the caller's to fill in.
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// Gives only those of another resolver's answers to which a connection may be made.
#[derive(Debug)]
pub struct GuardedResolver<R> {
    inner: R,
    destinations: Arc<Destinations>,
}

impl<R> GuardedResolver<R> {
    pub fn new(inner: R, destinations: Arc<Destinations>) -> Self {
        Self { inner, destinations }
    }
}

impl<R: Resolve> Resolve for GuardedResolver<R> {
    fn resolve(&self, name: Name) -> Resolving {
        let (answer, destinations) = (self.inner.resolve(name), Arc::clone(&self.destinations));
        Box::pin(async move {
            // A name that nobody knows is refused in the same words, so that nobody learns which names are known inside.
            let found = answer.await.map_err(|error| {
                tracing::debug!(error, "a name cannot be looked up");
                Refused::NotPublic
            })?;
            let permitted: Vec<SocketAddr> = found.filter(|address| destinations.permits(address.ip())).collect();
            if permitted.is_empty() {
                return Err(Refused::NotPublic.into());
            }
            Ok(Box::new(permitted.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    struct Fixed(&'static [&'static str]);

    impl Resolve for Fixed {
        fn resolve(&self, _name: Name) -> Resolving {
            let answers: Vec<SocketAddr> = self.0.iter().map(|address| SocketAddr::new(address.parse().unwrap(), 0)).collect();
            Box::pin(async move {
                if answers.is_empty() { Err("no such name".into()) } else { Ok(Box::new(answers.into_iter()) as Addrs) }
            })
        }
    }

    async fn resolved(answers: &'static [&'static str]) -> Result<Vec<IpAddr>, String> {
        let resolver = GuardedResolver::new(Fixed(answers), Arc::new(Destinations::default()));
        let answer = resolver.resolve("example.com".parse().unwrap()).await;
        answer.map(|addresses| addresses.map(|address| address.ip()).collect()).map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn only_what_is_public_is_left_of_an_answer() {
        assert_eq!(
            resolved(&["10.0.0.1", "8.8.8.8", "::1", "::ffff:10.0.0.1"]).await,
            Ok(vec!["8.8.8.8".parse::<IpAddr>().unwrap()])
        );
    }

    #[tokio::test]
    async fn a_name_inside_and_no_name_look_the_same() {
        let refused = Err(Refused::NotPublic.to_string());
        assert_eq!(resolved(&["169.254.169.254", "fd00::1"]).await, refused);
        assert_eq!(resolved(&[]).await, refused);
    }
}
