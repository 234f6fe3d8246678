//! Refuses a change to `proto/` that a binary of yesterday could not read.
//!
//! `committed.txt` holds one line for each field and enum value that ever landed. A line may only leave when its number is reserved.
//! After adding fields, record them with `ZOETROPE_RECORD_CONTRACTS=1 cargo test -p zoetrope-contracts`; a breaking change is
//! refused then too.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

mod catalogue;

use std::{env, fs, path::PathBuf};

use catalogue::Catalogue;

const HINT: &str = "record additions with ZOETROPE_RECORD_CONTRACTS=1 cargo test -p zoetrope-contracts";

#[test]
fn committed_messages_keep_their_meaning() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/compatibility/committed.txt");
    let committed = fs::read_to_string(&path).unwrap_or_default();
    let present = Catalogue::of(zoetrope_contracts::DESCRIPTORS);

    let broken = present.broken_since(&committed);
    assert!(broken.is_empty(), "breaking changes of committed messages:\n{}", broken.join("\n"));

    let text = present.to_text();
    if env::var_os("ZOETROPE_RECORD_CONTRACTS").is_some() {
        fs::write(&path, &text).unwrap();
    }
    assert_eq!(fs::read_to_string(&path).unwrap_or_default(), text, "not recorded yet: {HINT}");
}

fn compile(body: &str) -> Catalogue {
    let directory = env::temp_dir().join(format!("zoetrope-contracts-{}-{:?}", std::process::id(), std::thread::current().id()));
    fs::create_dir_all(&directory).unwrap();
    fs::write(directory.join("t.proto"), format!("syntax = \"proto3\"; package t.v1; {body}")).unwrap();
    let set = protox::compile(["t.proto"], [&directory]).unwrap();
    fs::remove_dir_all(&directory).unwrap();
    Catalogue::of(&prost::Message::encode_to_vec(&set))
}

const COMMITTED: &str = "message A { string name = 1; uint64 size = 2; } enum E { E_UNSPECIFIED = 0; E_ONE = 1; }";

fn breaks(changed: &str) -> Vec<String> {
    compile(changed).broken_since(&compile(COMMITTED).to_text())
}

#[test]
fn an_added_field_breaks_nothing() {
    let added =
        "message A { string name = 1; uint64 size = 2; bool extra = 3; } enum E { E_UNSPECIFIED = 0; E_ONE = 1; E_TWO = 2; }";
    assert_eq!(breaks(added), Vec::<String>::new());
}

#[test]
fn a_reserved_number_may_go() {
    let reserved = "message A { string name = 1; reserved 2; } enum E { E_UNSPECIFIED = 0; E_ONE = 1; }";
    assert_eq!(breaks(reserved), Vec::<String>::new());
}

#[test]
fn every_other_change_is_refused() {
    let enumeration = "enum E { E_UNSPECIFIED = 0; E_ONE = 1; }";
    for changed in [
        format!("message A {{ string name = 1; }} {enumeration}"),
        format!("message A {{ string name = 1; int64 size = 2; }} {enumeration}"),
        format!("message A {{ string name = 1; bytes other = 2; }} {enumeration}"),
        format!("message A {{ string name = 1; uint64 size = 3; }} {enumeration}"),
        format!("message A {{ string name = 1; repeated uint64 size = 2; }} {enumeration}"),
        format!("message B {{ string name = 1; uint64 size = 2; }} {enumeration}"),
        "message A { string name = 1; uint64 size = 2; } enum E { E_UNSPECIFIED = 0; E_OTHER = 1; }".to_owned(),
    ] {
        assert!(!breaks(&changed).is_empty(), "accepted: {changed}");
    }
}
