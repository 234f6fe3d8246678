use std::time::Duration;

/// Reads a time as an operator writes it: `90`, `90s`, `15m`, `26h`, `2d`. Without a unit it is in seconds.
pub fn parse(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let seconds_each = match &text[digits.len()..] {
        "" | "s" => 1,
        "m" => 60,
        "h" => 60 * 60,
        "d" => 24 * 60 * 60,
        unit => return Err(format!("{unit:?} is no unit: s, m, h or d")),
    };
    let number: u64 = digits.parse().map_err(|_| "expected a whole number, such as 26h".to_owned())?;
    number.checked_mul(seconds_each).map(Duration::from_secs).ok_or_else(|| "too long".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_unit_has_its_length() {
        for (text, seconds) in [("0", 0), ("90", 90), ("90s", 90), ("15m", 900), ("26h", 93_600), ("2d", 172_800)] {
            assert_eq!(parse(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["", "h", "-1h", "1.5h", "1 h", "1w", "18446744073709551615d"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
