use std::fmt::Write as _;

use super::*;
use crate::mail::letter::samples::{all, brand};

const LANGUAGES: [Language; 2] = [Language::English, Language::Chinese];

/// All of a kind in one file, to be read as a translator would.
#[test]
fn the_words_are_as_agreed() {
    for content in all() {
        let mut shown = String::new();
        for language in LANGUAGES {
            let letter = Letter::new(&content, language, &brand());
            let (text, html) = (letter.text().unwrap(), letter.html().unwrap());
            write!(shown, "==== {}\nSubject: {}\n\n{text}\n----\n{html}\n", language.as_str(), letter.subject).unwrap();
        }
        insta::with_settings!({ snapshot_path => "snapshots", prepend_module_to_snapshot => false }, {
            insta::assert_snapshot!(content.template(), shown);
        });
    }
}

#[test]
fn what_others_wrote_is_escaped() {
    let nasty = "<script>alert('1')</script> & \"co\"";
    let content = Content::ExpiryReminder { plan: nasty.to_owned(), expires_at: crate::fixtures::CREATED };
    for language in LANGUAGES {
        let letter = Letter::new(&content, language, &brand());
        let html = letter.html().unwrap();
        assert!(!html.contains("<script>") && html.contains("&#60;script&#62;"), "{html}");
        assert!(letter.text().unwrap().contains(nasty));
    }
    // In an attribute as well.
    let content = Content::PasswordReset { link: "https://a.example/\" onclick=\"x".to_owned(), valid_minutes: 1 };
    let html = Letter::new(&content, Language::English, &brand()).html().unwrap();
    assert!(!html.contains("onclick=\"x"), "{html}");
}

#[test]
fn text_and_html_tell_the_same() {
    for content in all() {
        for language in LANGUAGES {
            let letter = Letter::new(&content, language, &brand());
            let (text, html) = (letter.text().unwrap(), letter.html().unwrap());
            let facts = letter.facts.iter().flat_map(|(name, value)| [(*name).to_owned(), value.clone()]);
            let links = letter.action.iter().map(|action| action.label.to_owned());
            for part in [letter.opening.clone()]
                .into_iter()
                .chain(letter.code.clone())
                .chain(letter.note.clone())
                .chain(facts)
                .chain(links)
            {
                assert!(text.contains(&part), "{part} in {text}");
                assert!(html.contains(&part.replace('&', "&#38;")), "{part} in {html}");
            }
        }
    }
}

#[test]
fn a_letter_says_in_which_language_it_is() {
    for language in LANGUAGES {
        let html = Letter::new(&Content::PasswordChanged, language, &brand()).html().unwrap();
        assert!(html.contains(&format!("<html lang=\"{}\">", language.as_str())), "{html}");
    }
}

#[test]
fn a_video_has_a_page_of_its_own() {
    let letter = Letter::new(&Content::VideoReady { task_id: crate::fixtures::task_id(1) }, Language::English, &brand());
    let url = letter.action.unwrap().url;
    assert_eq!(url, "https://video.example.org/videos/video_00000000-0000-0000-0000-000000000001");
}
