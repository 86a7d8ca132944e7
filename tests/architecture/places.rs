//! What has to be told in several places: the fields of requests, and the settings. Each test reads
//! the places as text, and says which name is missing where.
//!
//! The code's own list is the first place. Whether a name does what a document says is for other tests.

use std::collections::BTreeSet;
use std::path::Path;

type Names = BTreeSet<String>;

fn read(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// What stands between `start` and the next `end`.
fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    let (_, rest) = text.split_once(start).unwrap_or_else(|| panic!("{start:?} is missing"));
    rest.split_once(end).unwrap_or_else(|| panic!("{end:?} is missing after {start:?}")).0
}

/// The lines that are indented deeper than the line `head`, which they follow.
fn below<'a>(text: &'a str, head: &str) -> &'a str {
    let text = text.split_once(&format!("\n{head}\n")).unwrap_or_else(|| panic!("{head:?}")).1;
    let indent = head.len() - head.trim_start().len();
    let is_deeper = |line: &&str| line.is_empty() || line.starts_with(&" ".repeat(indent + 1));
    let length: usize = text.split_inclusive('\n').take_while(is_deeper).map(str::len).sum();
    &text[..length]
}

/// The word that follows `before` in each line that begins so.
fn words(lines: &str, before: &str) -> Names {
    let is_part = |character: char| character.is_ascii_alphanumeric() || character == '_';
    let after = lines.lines().filter_map(|line| line.strip_prefix(before));
    let words = after.filter_map(|rest| rest.split(|character| !is_part(character)).next());
    words.filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// The words in backticks in the first cell of each row of a table.
fn first_cells(rows: &str) -> Names {
    let cells = rows.lines().filter_map(|row| row.strip_prefix("| `")?.split(" | ").next());
    let words = cells.flat_map(|cell| cell.split('`').step_by(2));
    words.filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// The names that stand alone between quotes or backticks.
fn quoted(text: &str) -> Names {
    let is_part = |character: char| character.is_ascii_alphanumeric() || character == '_';
    let texts = text.split(['"', '`']).filter(|text| !text.is_empty());
    texts.filter(|text| text.chars().all(is_part)).map(str::to_owned).collect()
}

/// The fields of a struct.
fn fields(file: &str, name: &str) -> Names {
    words(between(&read(file), &format!("struct {name} {{\n"), "\n}"), "    ")
}

/// The properties of a schema in openapi.yaml.
fn schema(name: &str) -> Names {
    let text = read("openapi.yaml");
    words(
        below(below(below(&text, "  schemas:"), &format!("    {name}:")), "      properties:"),
        "        ",
    )
}

/// Fails with each name that one of the places lacks, or has and should not have.
fn assert_told(first: &str, names: &Names, places: &[(&str, Names)]) {
    assert!(!names.is_empty(), "{first} has no names");
    let complaints: Vec<_> = places
        .iter()
        .flat_map(|(place, told)| {
            let missing = names.difference(told).map(move |name| format!("{place} lacks {name}"));
            let unknown = told.difference(names);
            missing
                .chain(unknown.map(move |name| format!("{place} has {name}, and {first} has not")))
        })
        .collect();
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn each_field_of_a_link_is_told_wherever_callers_and_tests_look_for_it() {
    let code = read("src/api/link_request.rs");
    let query = between(&code, "match name.as_str() {", "_ => {");
    let sentence = between(&code, "known are ", "\"\n").replace([',', '\\'], " ");
    let reference = read("docs/reference.md");
    let openapi = read("openapi.yaml");
    let parameters = below(below(&openapi, "  /download:"), "      parameters:");
    let mut in_query = words(parameters, "        - name: ");
    in_query.extend(words(parameters, "        - { name: "));
    let hostile = read("tests/function/links/events.rs");
    let hostile = between(&hostile, "fn link_request(&mut self)", "] {");
    assert_told(
        "RawLinkRequest in src/api/link_request.rs",
        &fields("src/api/link_request.rs", "RawLinkRequest"),
        &[
            ("the match of from_query", words(query, "            \"")),
            (
                "the sentence of from_query",
                sentence
                    .split_whitespace()
                    .filter(|word| *word != "and")
                    .map(str::to_owned)
                    .collect(),
            ),
            ("the schema LinkRequest in openapi.yaml", schema("LinkRequest")),
            ("GET /download in openapi.yaml", in_query),
            (
                "the table \"One link\" in docs/reference.md",
                first_cells(between(&reference, "## One link", "## Many links")),
            ),
            ("the hostile requests in tests/function/links/events.rs", quoted(hostile)),
        ],
    );
}

#[test]
fn a_share_takes_each_field_that_says_how_its_file_is_downloaded() {
    let file = fields("src/api/link_request.rs", "RawLinkRequest");
    let lacks: Vec<_> =
        file.difference(&fields("src/api/share_request.rs", "RawShare")).cloned().collect();
    assert!(lacks.is_empty(), "RawShare in src/api/share_request.rs lacks {lacks:?}");
}

#[test]
fn each_field_about_shares_is_told_wherever_owners_look_for_it() {
    let reference = read("docs/reference.md");
    let made = between(&reference, "### Make a share", "### List, change and revoke shares");
    let change = between(&reference, "\n`PATCH` takes any of ", ", which");
    for (name, schema_name, place, told) in [
        ("RawShare", "ShareRequest", "the table \"Make a share\"", first_cells(made)),
        ("RawChange", "ShareChange", "the sentence about PATCH", quoted(change)),
    ] {
        assert_told(
            &format!("{name} in src/api/share_request.rs"),
            &fields("src/api/share_request.rs", name),
            &[
                (&format!("the schema {schema_name} in openapi.yaml"), schema(schema_name)),
                (&format!("{place} in docs/reference.md"), told),
            ],
        );
    }
    assert_eq!(fields("src/api/share_request.rs", "RawPress"), schema("Press"));
}

#[test]
fn each_field_about_uploads_is_told_wherever_callers_look_for_it() {
    let reference = read("docs/reference.md");
    let begun = between(&reference, "## Uploads", "`POST /uploads/sign` signs any step");
    assert_told(
        "RawUploadRequest in src/api/upload_request.rs",
        &fields("src/api/upload_request.rs", "RawUploadRequest"),
        &[
            ("the schema UploadRequest in openapi.yaml", schema("UploadRequest")),
            ("the table \"Uploads\" in docs/reference.md", first_cells(begun)),
        ],
    );
    let camel_case = |name: &String| {
        let mut words = name.split('_');
        let first = words.next().unwrap_or_default().to_owned();
        words.fold(first, |name, word| format!("{name}{}{}", word[..1].to_uppercase(), &word[1..]))
    };
    let signed = fields("src/api/upload_request.rs", "RawSignRequest");
    let signed: Names = signed.iter().map(camel_case).collect();
    let schema = schema("UploadSignRequest");
    assert_told(
        "RawSignRequest in src/api/upload_request.rs",
        &signed,
        &[("the schema UploadSignRequest in openapi.yaml", schema)],
    );
}

#[test]
fn each_field_of_a_grant_is_told_in_the_tables_of_grants() {
    let code = read("crates/link-rules/src/access/raw_grant.rs");
    let known = words(between(&code, "const FIELDS: ", "];"), "    (\"");
    let reference = read("docs/reference.md");
    let tables = between(&reference, "\n## Grants\n", "### Grants in an object");
    assert_told("FIELDS in raw_grant.rs", &known, &[("docs/reference.md", first_cells(tables))]);
}

#[test]
fn each_attribute_of_a_share_is_told_in_the_table_of_shares() {
    let code = read("src/shares/item.rs");
    let write = between(&code, "let mut item = Item::from", "\n}\n");
    let mut written = words(write, "        (\"");
    written.extend(words(write, "    optional(\""));
    written.extend(words(write, "        optional(\""));
    // Changes of an item write these.
    let later = [
        "last_download_at",
        "attempts",
        "last_attempt_at",
        "in_flight",
        "in_flight_until",
        "guesses",
        "max_guesses",
        "last_guess_at",
        "revoked_at",
        "press_problem",
        "press_problem_since",
    ];
    written.extend(later.map(str::to_owned));
    let reference = read("docs/reference.md");
    let table = between(&reference, "## The table of shares", "| `recipient`, `note` |");
    let told = first_cells(&format!("{table}| `recipient`, `note` |"));
    assert_told("src/shares/item.rs", &written, &[("docs/reference.md", told)]);
}

#[test]
fn each_setting_is_told_wherever_operators_look_for_it() {
    let known = read("src/settings/unknown.rs");
    let known = quoted(between(&known, "const KNOWN: ", "];"));
    let reference = read("docs/reference.md");
    let table = first_cells(between(&reference, "\n## Settings\n", "\n## "));
    let names_of_others = ["AWS_", "SSL_", "…"];
    let ours = |name: &String| !names_of_others.iter().any(|other| name.starts_with(other));
    assert_told(
        "KNOWN in src/settings/unknown.rs",
        &known,
        &[(
            "the table \"Settings\" in docs/reference.md",
            table.into_iter().filter(ours).collect(),
        )],
    );
}
