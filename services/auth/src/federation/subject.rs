/// OpenID Connect promises no more; WeChat's are of 28 characters.
const LONGEST: usize = 255;

/// By what another service knows a user, if it can be stored and compared: printable ASCII.
pub fn subject(told: &str) -> Option<String> {
    let is_plain = (1..=LONGEST).contains(&told.len()) && told.bytes().all(|byte| byte.is_ascii_graphic());
    is_plain.then(|| told.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_short_and_printable() {
        for good in ["108234567890123456789", "oGZUI0egBJY1zhBYw2KhdUfwVJJE", "o-ann_1", &"x".repeat(255)] {
            assert_eq!(subject(good).as_deref(), Some(good));
        }
        for bad in ["", " ", "a b", "a\0", "a\n", "é", &"x".repeat(256)] {
            assert_eq!(subject(bad), None, "{bad:?}");
        }
    }
}
