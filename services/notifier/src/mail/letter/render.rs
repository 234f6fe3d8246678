use askama::Template;

use super::Letter;

#[derive(Template)]
#[template(path = "mail/letter.txt")]
struct Text<'a> {
    letter: &'a Letter,
}

/// Everything from the letter is escaped, by the file's ending.
#[derive(Template)]
#[template(path = "mail/letter.html")]
struct Html<'a> {
    letter: &'a Letter,
}

impl Letter {
    /// As plain text.
    pub(in crate::mail) fn text(&self) -> askama::Result<String> {
        Text { letter: self }.render()
    }

    /// As a web page.
    pub(in crate::mail) fn html(&self) -> askama::Result<String> {
        Html { letter: self }.render()
    }
}
