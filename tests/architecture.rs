//! The rooms of `src/` import each other in one direction: from the top down.
//!
//! The table below is the rule. A room may import the rooms that it lists and no others. Each room
//! lists only rooms that stand below it in the table, so no circle is possible.

#![allow(clippy::expect_used, clippy::panic, reason = "a test that can't go on has failed")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Each room, the top one first, and the rooms that it may import.
const ROOMS: &[(&str, &[&str])] = &[
    (
        "handler",
        &[
            "settings",
            "events",
            "api",
            "doctor",
            "mail",
            "shares",
            "links",
            "sessions",
            "presign",
            "aws",
            "telemetry",
            "invocation",
        ],
    ),
    ("settings", &["mail", "shares", "links", "sessions", "aws"]),
    ("events", &["api", "doctor", "mail", "shares", "invocation"]),
    ("api", &["shares", "links", "sessions", "presign", "telemetry", "invocation"]),
    ("doctor", &["links", "sessions", "presign", "aws", "telemetry", "invocation"]),
    ("mail", &["shares", "links", "sessions", "aws", "memory", "telemetry", "invocation"]),
    ("shares", &["links", "sessions", "presign", "aws", "telemetry", "invocation"]),
    ("links", &["sessions", "presign", "aws", "memory", "telemetry", "invocation"]),
    ("sessions", &["aws", "memory", "invocation"]),
    ("presign", &["aws"]),
    ("aws", &["memory", "invocation"]),
    ("memory", &["invocation"]),
    ("invocation", &["telemetry"]),
    ("telemetry", &[]),
];

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// The files of a room: `room.rs`, or all files in the folder `room`.
fn files(room: &str) -> Vec<PathBuf> {
    let folder = source().join(room);
    if !folder.is_dir() {
        return vec![folder.with_extension("rs")];
    }
    files_below(&folder)
}

/// All Rust files below a folder.
fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("the folder can be read");
    let paths = entries.map(|entry| entry.expect("its entries can be read").path());
    let files = paths.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] });
    files.filter(|path| path.extension().is_some_and(|extension| extension == "rs")).collect()
}

/// The rooms that a file names as `crate::room`, in `use` lines and elsewhere, comments aside.
fn imports(text: &str) -> BTreeSet<String> {
    let code = text.lines().map(|line| line.split("//").next().unwrap_or_default());
    let code: Vec<_> = code.collect();
    let code = code.join("\n");
    let paths = code.split("crate::").skip(1);
    let names = |path: &str| -> Vec<String> {
        // `use crate::{a::B, c};` names several rooms at once.
        let list = path.strip_prefix('{').and_then(|list| list.split_once("};"));
        let paths = list.map_or(vec![path], |(list, _)| list.split(',').collect());
        let name = |path: &str| {
            let path = path.trim();
            let end = path.find(|c: char| !(c.is_alphanumeric() || c == '_'));
            path[..end.unwrap_or(path.len())].to_owned()
        };
        paths.into_iter().map(name).filter(|name| !name.is_empty()).collect()
    };
    paths.flat_map(names).collect()
}

#[test]
fn a_room_imports_only_rooms_below_it() {
    for (index, (room, may_import)) in ROOMS.iter().enumerate() {
        let below: BTreeSet<_> = ROOMS[index + 1..].iter().map(|(room, _)| *room).collect();
        for import in *may_import {
            assert!(below.contains(import), "{import} does not stand below {room} in the table");
        }
        for file in files(room) {
            let text = std::fs::read_to_string(&file).expect("the file can be read");
            for import in imports(&text) {
                assert!(
                    import == *room || may_import.contains(&import.as_str()),
                    "{} imports crate::{import}, which {room} may not",
                    file.display()
                );
            }
        }
    }
}

#[test]
fn the_table_names_every_room() {
    let entries = std::fs::read_dir(source()).expect("src can be read");
    let names = entries.map(|entry| entry.expect("its entries can be read").path());
    let rooms: BTreeSet<_> = names
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
        .filter(|name| name != "main" && name != "lib")
        .collect();
    let table: BTreeSet<_> = ROOMS.iter().map(|(room, _)| (*room).to_owned()).collect();
    assert_eq!(rooms, table);
}

#[test]
fn an_import_is_found_wherever_it_stands() {
    let text = "use crate::aws::{A, B};\n// crate::comment\nlet x = crate::links::f();\n\
                use crate::{mail::M, window};\npub(crate) use x;\n";
    let found: Vec<_> = imports(text).into_iter().collect();
    assert_eq!(found, ["aws", "links", "mail", "window"]);
}
