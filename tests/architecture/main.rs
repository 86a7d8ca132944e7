//! The rooms of `src/` and the modules of the crates in `crates/` import each other in one direction: from
//! the top down. No files of a room import each other in a circle.
//!
//! The tables below are the rule, and it is written down nowhere else. A room may import the rooms that
//! it lists and no others. Each room lists only rooms that stand below it, so no circle of rooms is
//! possible.

#![allow(clippy::expect_used, clippy::panic, reason = "a test that can't go on has failed")]

mod places;
mod source;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use self::source::Source;

/// Rooms, the top one first, and the rooms that each may import.
type Layers = [(&'static str, &'static [&'static str])];

/// The rooms of `src/`. A room is a file or a folder.
const FUNCTION: &Layers = &[
    (
        "handler",
        &[
            "settings",
            "events",
            "api",
            "doctor",
            "mail",
            "shares",
            "uploads",
            "links",
            "sessions",
            "presign",
            "aws",
            "invocation",
            "telemetry",
        ],
    ),
    ("settings", &["mail", "shares", "links", "sessions", "aws"]),
    ("events", &["api", "doctor", "mail", "shares", "invocation"]),
    ("api", &["shares", "uploads", "links", "sessions", "presign", "invocation", "telemetry"]),
    ("doctor", &["uploads", "links", "sessions", "presign", "aws", "invocation", "telemetry"]),
    ("mail", &["shares", "links", "sessions", "aws", "memory", "invocation", "telemetry"]),
    ("shares", &["links", "sessions", "presign", "aws", "invocation", "telemetry"]),
    ("uploads", &["links", "sessions", "presign", "aws", "invocation", "telemetry"]),
    ("links", &["sessions", "presign", "aws", "memory", "invocation", "telemetry"]),
    ("sessions", &["aws", "memory", "invocation"]),
    ("presign", &["aws"]),
    ("aws", &["memory", "invocation"]),
    ("memory", &["invocation"]),
    ("invocation", &["telemetry"]),
    ("telemetry", &[]),
];

/// The modules of `crates/link-rules/src/`, which are below every room.
const RULES: &Layers = &[
    ("access", &["upload", "window", "arn", "region", "form", "json", "text"]),
    ("policy", &["arn", "form"]),
    ("window", &[]),
    ("lifecycle", &[]),
    ("upload", &["text", "response_headers"]),
    ("text", &["response_headers"]),
    ("response_headers", &[]),
    ("object", &[]),
    ("arn", &["region"]),
    ("region", &[]),
    ("form", &[]),
    ("json", &[]),
    ("problem", &[]),
];

/// The modules of `crates/fake-aws/src/`, which the tests call.
const FAKE_AWS: &Layers = &[
    (
        "control",
        &[
            "server",
            "s3",
            "sts",
            "ses",
            "dynamodb",
            "connections",
            "fault",
            "reply",
            "call",
            "http",
        ],
    ),
    (
        "server",
        &[
            "state",
            "s3",
            "sts",
            "ses",
            "dynamodb",
            "decisions",
            "connections",
            "fault",
            "reply",
            "call",
            "http",
        ],
    ),
    ("state", &["s3", "sts", "ses", "dynamodb", "fault", "call"]),
    ("s3", &["reply", "call"]),
    ("sts", &["reply", "call"]),
    ("ses", &["reply", "call"]),
    ("dynamodb", &["reply", "call"]),
    ("decisions", &["fault", "call"]),
    ("connections", &[]),
    ("fault", &["reply", "call"]),
    ("reply", &["call"]),
    ("call", &["http"]),
    ("http", &[]),
];

/// The crates: their folders, and their layers.
fn crates() -> [(PathBuf, &'static Layers); 3] {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    [
        (root.join("src"), FUNCTION),
        (root.join("crates/link-rules/src"), RULES),
        (root.join("crates/fake-aws/src"), FAKE_AWS),
    ]
}

/// What a module imports against the layers, or what is wrong with the layers themselves.
fn violation(source: &Source, layers: &Layers) -> Option<String> {
    for (index, (room, may_import)) in layers.iter().enumerate() {
        let below: BTreeSet<_> = layers[index + 1..].iter().map(|(room, _)| *room).collect();
        if let Some(import) = may_import.iter().find(|import| !below.contains(*import)) {
            return Some(format!("{import} does not stand below {room} in the table"));
        }
    }
    if source.rooms() != layers.iter().map(|(room, _)| *room).collect() {
        return Some(format!("the rooms are {:?}, and not those of the table", source.rooms()));
    }
    source.rooms_named().find_map(|(module, named)| {
        let may_import = layers.iter().find(|(room, _)| *room == module[0])?.1;
        let allowed = |import: &&str| *import == module[0] || may_import.contains(import);
        let import = named.into_iter().find(|import| !allowed(import))?;
        Some(format!("{} imports {import}, which {} may not", module.join("::"), module[0]))
    })
}

#[test]
fn a_room_imports_only_what_the_table_lets_it_import() {
    for (src, layers) in crates() {
        assert_eq!(violation(&Source::read(&src), layers), None);
    }
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    for (src, _) in crates() {
        assert_eq!(Source::read(&src).circle(), None);
    }
}

#[test]
fn the_documentation_of_each_crate_lists_its_rooms_in_the_order_of_the_table() {
    for (src, layers) in crates() {
        let text = std::fs::read_to_string(src.join("lib.rs")).expect("lib.rs can be read");
        let rows = text.lines().filter_map(|line| line.strip_prefix("//! | ")?.split('`').nth(1));
        // Its own documentation tells the module `window` from its function of that name.
        let listed: Vec<_> = rows.map(|room| room.trim_start_matches("mod@")).collect();
        let rooms: Vec<_> = layers.iter().map(|(room, _)| *room).collect();
        assert_eq!(listed, rooms, "{}", src.display());
    }
}

/// A crate of these modules: the path of each, and its text.
fn source_of(modules: &[(&str, &str)]) -> Source {
    let mut source = Source::default();
    for (path, text) in modules {
        let path: Vec<_> = path.split("::").map(str::to_owned).collect();
        source.add(&path, text);
    }
    source
}

#[test]
fn an_import_is_found_wherever_it_stands() {
    const LAYERS: &Layers = &[("top", &["aws"]), ("mail", &["aws"]), ("aws", &[])];
    let mails = |text| {
        let source = source_of(&[("top", "use crate::aws;"), ("aws", ""), ("mail::log", text)]);
        violation(&source, LAYERS)
    };
    for allowed in [
        "// crate::top",
        "use crate::aws::{A, B};",
        "use super::error;",
        "use crate::mail::error;",
        "#[cfg(test)]\nmod tests {\n    use super::super::error;\n}",
    ] {
        assert_eq!(mails(allowed), None, "{allowed}");
    }
    for refused in [
        "use crate::top::A;",
        "use crate::{aws::A, top};",
        "use crate::{\n    aws::{A, B as C},\n    top::{self, D},\n};",
        "use super::super::top::A;",
        "fn f() { crate::top::f(); }",
        "pub(crate) use crate::top::A as B;",
        "#[cfg(test)]\nmod tests {\n    use super::super::super::top;\n}",
    ] {
        let told = mails(refused).expect(refused);
        assert_eq!(told, "mail::log imports top, which mail may not");
    }
}

#[test]
fn a_table_that_lets_a_room_import_one_above_it_or_lacks_one_is_wrong() {
    const UPWARDS: &Layers = &[("mail", &[]), ("aws", &["mail"])];
    let source = source_of(&[("mail", ""), ("aws", "")]);
    let told = violation(&source, UPWARDS);
    assert_eq!(told.as_deref(), Some("mail does not stand below aws in the table"));
    let told = violation(&source, &[("mail", &[])]).expect("aws is missing");
    assert!(told.starts_with("the rooms are {\"aws\", \"mail\"}"), "{told}");
}

#[test]
fn a_circle_of_files_is_found_through_names_that_their_room_re_exports() {
    let circle = |modules: &[(&str, &str)]| source_of(modules).circle().map(|it| it.join(" "));
    let room = "mod a; mod b; mod c; pub(crate) use self::a::A; use self::b::{B as Bee};";
    for (a, b, c, expected) in [
        // What a room's files name of the room itself is no circle, and neither are tests.
        ("use super::Room;", "use super::Room; use super::A;", "", None),
        ("#[cfg(test)]\nmod tests {\n    use super::super::Bee;\n}", "use super::A;", "", None),
        ("use super::b::B;", "use super::a::A;", "", Some("room::a room::b room::a")),
        ("use super::Bee;", "use crate::room::A;", "", Some("room::a room::b room::a")),
        ("use super::{Room, b};", "fn f(_: super::A) {}", "", Some("room::a room::b room::a")),
        (
            "use super::c::{self, C};",
            "use super::A;",
            "use super::b::*;",
            Some("room::a room::c room::b room::a"),
        ),
    ] {
        let found = circle(&[("room", room), ("room::a", a), ("room::b", b), ("room::c", c)]);
        assert_eq!(found.as_deref(), expected, "{a} {b} {c}");
    }
    // A file within a file, which names another file of the room.
    let found = circle(&[
        ("room", ""),
        ("room::a", "mod inner; use self::inner::I;"),
        ("room::a::inner", "use super::super::b::B; use super::A;"),
        ("room::b", "use super::a::A;"),
    ]);
    assert_eq!(found.as_deref(), Some("room::a room::a::inner room::b room::a"));
}
