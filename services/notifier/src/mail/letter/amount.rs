/// Currencies whose smallest unit is not a hundredth (ISO 4217), as far as payment services take them.
const WHOLE: [&str; 9] = ["CLP", "ISK", "JPY", "KRW", "PYG", "UGX", "VND", "XAF", "XOF"];
const THOUSANDTHS: [&str; 5] = ["BHD", "JOD", "KWD", "OMR", "TND"];

/// A sum of money, from the currency's smallest unit: `9.90 USD`.
pub(super) fn amount(smallest: i64, currency: &str) -> String {
    let digits = match currency {
        currency if WHOLE.contains(&currency) => 0,
        currency if THOUSANDTHS.contains(&currency) => 3,
        _ => 2,
    };
    let sign = if smallest < 0 { "-" } else { "" };
    let unit = 10_u64.pow(digits);
    let (whole, rest) = (smallest.unsigned_abs() / unit, smallest.unsigned_abs() % unit);
    match digits {
        0 => format!("{sign}{whole} {currency}"),
        digits => format!("{sign}{whole}.{rest:0width$} {currency}", width = digits as usize),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_currency_has_its_digits() {
        for (smallest, currency, text) in [
            (990, "USD", "9.90 USD"),
            (5, "CNY", "0.05 CNY"),
            (0, "EUR", "0.00 EUR"),
            (-1, "EUR", "-0.01 EUR"),
            (990, "JPY", "990 JPY"),
            (1005, "KWD", "1.005 KWD"),
            (i64::MIN, "USD", "-92233720368547758.08 USD"),
        ] {
            assert_eq!(amount(smallest, currency), text);
        }
    }
}
