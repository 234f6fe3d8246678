/// Longer names are nobody's idea of a name.
const LONGEST_NAME: usize = 64;

/// The subprotocol to answer with, of the values of `Sec-WebSocket-Protocol` headers. A browser that has offered any ends the connection when
/// none is chosen, so the first one is, whatever its name: all of them stand for the frames that we speak anyway.
///
/// Some clients offer a name and a token, because a browser sets no other header. A token is repeated only if there is nothing else.
pub fn choose<'a>(headers: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let offered: Vec<&str> = headers.flat_map(|header| header.split(',')).map(str::trim).filter(|name| is_token(name)).collect();
    offered.iter().find(|name| !is_secret(name)).or(offered.first()).copied()
}

/// As HTTP means it (RFC 9110, 5.6.2), which is what a subprotocol must be.
fn is_token(name: &str) -> bool {
    const MARKS: &str = "!#$%&'*+-.^_`|~";
    !name.is_empty() && name.chars().all(|sign| sign.is_ascii_alphanumeric() || MARKS.contains(sign))
}

/// Whether it looks like one of our API keys, a JWT or another token.
fn is_secret(name: &str) -> bool {
    name.starts_with("sk-") || name.starts_with("eyJ") || name.len() > LONGEST_NAME
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_name_that_is_no_token_is_chosen() {
        let long = "x".repeat(65);
        for (headers, wanted) in [
            (&["zoetrope"][..], Some("zoetrope")),
            (&["json, zoetrope"], Some("json")),
            (&[" , v1.zoetrope ,"], Some("v1.zoetrope")),
            (&["access_token, eyJhbGciOiJFZERTQSJ9.e30.c2ln"], Some("access_token")),
            (&["eyJhbGciOiJFZERTQSJ9.e30.c2ln, access_token"], Some("access_token")),
            (&["sk-secret", "json"], Some("json")),
            (&[&long, "json"], Some("json")),
            // The client gets back what it has sent, and goes on.
            (&["eyJhbGciOiJFZERTQSJ9.e30.c2ln"], Some("eyJhbGciOiJFZERTQSJ9.e30.c2ln")),
            (&["two words, (), json"], Some("json")),
            (&["two words"], None),
            (&[""], None),
            (&[], None),
        ] {
            assert_eq!(choose(headers.iter().copied()), wanted, "{headers:?}");
        }
    }
}
