use serde_json::Value;

/// Depth below which nothing is kept.
const MAX_DEPTH: u32 = 64;

/// Makes JSON of what was meant to be an object or a list: strings with halves of surrogate pairs, control characters, unknown escapes or
/// single quotes; `NaN`, `None` and the like; commas at the end; anything behind the last bracket; anything nested too deep.
///
/// `None` when it is neither, or ends in the middle.
pub(super) fn repair(text: &str) -> Option<String> {
    let text = text.trim_start_matches(|c: char| c.is_whitespace() || c.is_control() || c == '\u{feff}');
    text.starts_with(['{', '[']).then_some(())?;
    let mut repair = Repair { rest: text, mended: String::with_capacity(text.len()), depth: 0 };
    while repair.step()? {}
    Some(repair.mended)
}

struct Repair<'a> {
    rest: &'a str,
    mended: String,
    depth: u32,
}

impl Repair<'_> {
    /// Takes the next token. False: the last bracket is closed.
    fn step(&mut self) -> Option<bool> {
        let first = self.rest.chars().next()?;
        match first {
            '"' | '\'' => self.string(first)?,
            '{' | '[' => {
                self.skip(first);
                self.depth += 1;
                if self.depth == MAX_DEPTH + 1 {
                    self.mended.push_str("null");
                } else {
                    self.push(first);
                }
            }
            '}' | ']' => {
                self.skip(first);
                if self.is_kept() && self.mended.ends_with(',') {
                    self.mended.pop();
                }
                self.push(first);
                self.depth -= 1;
                return Some(self.depth > 0);
            }
            ',' | ':' => {
                self.skip(first);
                self.push(first);
            }
            _ if first.is_whitespace() || first.is_control() || first == '\u{feff}' => self.skip(first),
            _ => self.bare(),
        }
        Some(true)
    }

    fn skip(&mut self, c: char) {
        self.rest = self.rest.get(c.len_utf8()..).unwrap_or_default();
    }

    const fn is_kept(&self) -> bool {
        self.depth <= MAX_DEPTH
    }

    fn push(&mut self, c: char) {
        if self.is_kept() {
            self.mended.push(c);
        }
    }

    fn push_str(&mut self, text: &str) {
        if self.is_kept() {
            self.mended.push_str(text);
        }
    }

    /// A number, a literal, or a word without quotes.
    fn bare(&mut self) {
        let end = self.rest.find(|c: char| c.is_whitespace() || matches!(c, ',' | ':' | '{' | '}' | '[' | ']' | '"'));
        let (token, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        if serde_json::from_str::<Value>(token).is_ok() {
            return self.push_str(token);
        }
        match token.trim_start_matches(['+', '-']).to_ascii_lowercase().as_str() {
            "true" => self.push_str("true"),
            "false" => self.push_str("false"),
            "null" | "none" | "nil" | "undefined" | "nan" | "inf" | "infinity" => self.push_str("null"),
            _ => self.push_str(&Value::from(token).to_string()),
        }
    }

    fn string(&mut self, quote: char) -> Option<()> {
        self.skip(quote);
        self.push('"');
        loop {
            let c = self.rest.chars().next()?;
            self.skip(c);
            match c {
                c if c == quote => {
                    self.push('"');
                    return Some(());
                }
                '\\' => self.escape()?,
                '"' => self.push_str("\\\""),
                c if c < ' ' => self.push(' '),
                c => self.push(c),
            }
        }
    }

    /// What follows a backslash.
    fn escape(&mut self) -> Option<()> {
        let c = self.rest.chars().next()?;
        self.skip(c);
        match c {
            '"' | '\\' | '/' | 'b' | 'f' | 'n' | 'r' | 't' => {
                self.push('\\');
                self.push(c);
            }
            'u' => self.code_unit(),
            c if c < ' ' => self.push(' '),
            c => self.push(c),
        }
        Some(())
    }

    /// The digits of `\uXXXX`, and of the second half if it is a pair.
    fn code_unit(&mut self) {
        let Some(unit) = self.digits("") else { return self.push('\u{fffd}') };
        match unit {
            0xd800..=0xdbff => match self.digits("\\u").filter(|second| (0xdc00..=0xdfff).contains(second)) {
                Some(second) => {
                    self.rest = self.rest.get(10..).unwrap_or_default();
                    self.push_str(&format!("\\u{unit:04x}\\u{second:04x}"));
                    return;
                }
                None => self.push('\u{fffd}'),
            },
            0xdc00..=0xdfff => self.push('\u{fffd}'),
            _ => self.push_str(&format!("\\u{unit:04x}")),
        }
        self.rest = self.rest.get(4..).unwrap_or_default();
    }

    /// The four hexadecimal digits that come next; with a prefix, those that come behind the next four and the prefix.
    fn digits(&self, prefix: &str) -> Option<u32> {
        let behind = if prefix.is_empty() { self.rest } else { self.rest.get(4..)?.strip_prefix(prefix)? };
        let digits = behind.get(..4).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
        u32::from_str_radix(digits, 16).ok()
    }
}
