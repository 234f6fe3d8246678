/// What a host's name says by itself about where it leads: the names that are kept for private use, and that no public host has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PrivateName {
    /// This machine (RFC 6761).
    Loopback,
    /// A network of somebody's own.
    Inside,
}

/// The ends of names of this machine; `localdomain` is what many systems call it.
const LOOPBACK: [&str; 2] = ["localhost", "localdomain"];

/// The ends of names that public DNS does not know, and private networks use: by IANA's register of special-use names (RFC 6761, 6762, 8375), by
/// ICANN (`internal`; `home`, `corp` and `mail` were withheld for their use inside), and by the habit of routers.
const INSIDE: [&str; 10] = ["internal", "intranet", "private", "local", "lan", "home", "home.arpa", "corp", "mail", "localnet"];

impl PrivateName {
    /// `name` as the URL parser leaves it: in lower case and ASCII.
    pub(crate) fn of(name: &str) -> Option<Self> {
        let name = name.strip_suffix('.').unwrap_or(name);
        let ends_in = |end: &&str| name.strip_suffix(*end).is_some_and(|before| before.is_empty() || before.ends_with('.'));
        if LOOPBACK.iter().any(&ends_in) {
            Some(Self::Loopback)
        } else if !name.contains('.') || INSIDE.iter().any(ends_in) {
            // A name without a dot is completed with the domain of whoever looks it up.
            Some(Self::Inside)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_private_name_is_known_by_its_end() {
        for name in ["localhost", "localhost.", "a.b.localhost", "localhost.localdomain"] {
            assert_eq!(PrivateName::of(name), Some(PrivateName::Loopback), "{name}");
        }
        for name in ["rabbitmq", "metadata.google.internal", "a.svc.cluster.local", "router.lan", "x.home.arpa."] {
            assert_eq!(PrivateName::of(name), Some(PrivateName::Inside), "{name}");
        }
        for name in
            ["example.com", "localhost.example.com", "internal.example.com", "mylocalhost.com", "notlocal.dev", "a.example"]
        {
            assert_eq!(PrivateName::of(name), None, "{name}");
        }
    }
}
