/// What may be seen of an address: enough to recognise one that is known, too little to write to it.
pub fn masked(address: &str) -> String {
    match address.rsplit_once('@') {
        Some((local, domain)) => {
            let first = local.chars().next().map(String::from).unwrap_or_default();
            format!("{first}***@{domain}")
        }
        None => "***".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_letter_and_the_domain_stay() {
        for (address, kept) in [
            ("ann.lee@example.org", "a***@example.org"),
            ("a@example.org", "a***@example.org"),
            ("\"odd@name\"@example.org", "\"***@example.org"),
            ("李@例子.cn", "李***@例子.cn"),
            ("@example.org", "***@example.org"),
            ("no address", "***"),
            ("", "***"),
        ] {
            assert_eq!(masked(address), kept);
        }
    }
}
