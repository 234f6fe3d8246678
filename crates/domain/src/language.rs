/// The languages in which users are written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Language {
    #[default]
    English,
    Chinese,
}

impl Language {
    /// The language code that messages and tables hold.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Chinese => "zh",
        }
    }

    /// Reads a language tag such as `zh-Hant-TW`; `None` for every other language.
    pub fn from_tag(tag: &str) -> Option<Self> {
        let primary = tag.split(['-', '_']).next().unwrap_or_default().trim();
        if primary.eq_ignore_ascii_case("en") {
            Some(Self::English)
        } else if primary.eq_ignore_ascii_case("zh") {
            Some(Self::Chinese)
        } else {
            None
        }
    }

    /// The one that a client likes best, by the value of its `Accept-Language`; `None` when it names none of them.
    pub fn preferred(accept_language: &str) -> Option<Self> {
        let mut best = None;
        let mut best_weight = 0.0;
        for range in accept_language.split(',') {
            let (tag, parameters) = range.split_once(';').unwrap_or((range, ""));
            let Some(language) = Self::from_tag(tag) else { continue };
            let weight = match parameters.trim().strip_prefix("q=") {
                Some(weight) => weight.trim().parse().unwrap_or(0.0),
                None => 1.0,
            };
            // Of equals, the first.
            if weight > best_weight {
                (best, best_weight) = (Some(language), weight);
            }
        }
        best
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_may_name_a_region_and_a_script() {
        for tag in ["zh", "ZH", "zh-CN", "zh_CN", "zh-Hant-TW", " zh "] {
            assert_eq!(Language::from_tag(tag), Some(Language::Chinese), "{tag}");
        }
        for tag in ["", "*", "de", "zhx", "e"] {
            assert_eq!(Language::from_tag(tag), None, "{tag}");
        }
    }

    #[test]
    fn the_client_prefers() {
        let cases = [
            ("zh-CN,zh;q=0.9,en;q=0.8", Some(Language::Chinese)),
            ("en-GB, zh", Some(Language::English)),
            ("de, fr;q=0.9, zh;q=0.2, en;q=0.3", Some(Language::English)),
            ("zh;q=0, en;q=0.1", Some(Language::English)),
            ("zh; q=0.5", Some(Language::Chinese)),
            ("de", None),
            ("zh;q=0", None),
            ("zh;q=soon", None),
            ("", None),
        ];
        for (header, language) in cases {
            assert_eq!(Language::preferred(header), language, "{header}");
        }
    }

    #[test]
    fn a_code_is_a_tag() {
        for language in [Language::English, Language::Chinese] {
            assert_eq!(Language::from_tag(language.as_str()), Some(language));
        }
    }
}
