//! The template's parameters and tables. SAM says nothing of a parameter that the template does not
//! know, and `CloudFormation` replaces a table whose key or name is another. So both stay, or the change
//! log says what to do.

use std::collections::BTreeSet;

use super::fixtures::text;

/// Parameters that the template does not have any more, each with the sentence of `CHANGELOG.md` that
/// says what to write instead.
const GONE: &[(&str, &str)] = &[
    ("MailMinExpiresIn", "900 s, or `MailExpiresIn` if that is less"),
    ("MailSubject", "the subject is \"Your file {name} ({size})\""),
    ("ListBucket", "S3 answers 403 for a missing file"),
    ("OldVersions", "`Grants` with `\"versions\": true` in the grant"),
];

fn file(name: &str) -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    std::fs::read_to_string(path).unwrap()
}

/// Names and values of a `samconfig.toml`.
fn parameters() -> Vec<(String, String)> {
    let config = text("samconfig.toml");
    let (_, list) = config.split_once("parameter_overrides = [\n").unwrap();
    let (list, _) = list.split_once("\n]").unwrap();
    let parameter = |line: &str| {
        let quoted = line.trim().strip_prefix('"').unwrap().strip_suffix("\",").unwrap();
        let (name, value) = quoted.split_once('=').unwrap();
        (name.to_owned(), value.trim_matches(['\\', '"']).to_owned())
    };
    list.lines().map(parameter).collect()
}

/// The lines below a parameter of the template.
fn declared(template: &str, name: &str) -> Option<Vec<String>> {
    let (_, parameters) = template.split_once("\nParameters:\n").unwrap();
    let (parameters, _) = parameters.split_once("\nRules:\n").unwrap();
    let mut lines = parameters.lines().skip_while(|line| *line != format!("  {name}:"));
    lines.next()?;
    Some(lines.take_while(|line| line.starts_with("    ")).map(str::to_owned).collect())
}

/// The value of a key of a parameter, if it has the key.
fn value<'a>(lines: &'a [String], key: &str) -> Option<&'a str> {
    let key = format!("    {key}: ");
    lines.iter().find_map(|line| line.strip_prefix(&key))
}

#[test]
fn each_parameter_is_still_there_or_the_change_log_says_what_to_write_instead() {
    let (template, changes) = (file("template.yaml"), file("CHANGELOG.md"));
    for (name, value_then) in parameters() {
        let gone = GONE.iter().find(|(gone, _)| *gone == name);
        let Some(lines) = declared(&template, &name) else {
            let (_, says) = gone.unwrap_or_else(|| panic!("the template has no {name}"));
            assert!(changes.contains(&format!("`{name}`")) && changes.contains(says), "{name}");
            continue;
        };
        assert!(gone.is_none(), "the template has {name}");
        let bound = |key| value(&lines, key).map(|bound| bound.parse::<u64>().unwrap());
        let number = value_then.parse().unwrap_or(0);
        assert!(bound("MinValue").is_none_or(|least| least <= number), "{name}={value_then}");
        assert!(bound("MaxValue").is_none_or(|most| number <= most), "{name}={value_then}");
        if let Some(allowed) = value(&lines, "AllowedValues") {
            let allowed = allowed.trim_matches(['[', ']']).split(", ");
            let allowed: BTreeSet<_> = allowed.map(|value| value.trim_matches('"')).collect();
            assert!(allowed.contains(value_then.as_str()), "{name}={value_then}");
        }
    }
    assert_eq!(parameters().len(), 36);
}

/// The account's AWS managed key. Without these lines DynamoDB encrypts with its own, and nobody reads
/// anything differently.
const NOT_WANTED_ANY_MORE: [&str; 2] = ["      SSESpecification:", "        SSEEnabled: true"];

#[test]
fn the_tables_keep_their_names_keys_and_indexes() {
    let template = file("template.yaml");
    let is_kept = |line: &&str| !line.trim().is_empty() && !line.trim().starts_with('#');
    let template: Vec<_> = template.lines().filter(is_kept).collect();
    let tables = text("tables.yaml");
    let resource = |line: &str| line.starts_with("  ") && !line.starts_with("   ");
    let mut compared = 0;
    for line in tables.lines().filter(|line| resource(line)) {
        let of = |lines: &[&str]| -> Vec<String> {
            let lines = lines.iter().skip_while(|other| **other != line);
            let mut lines = lines.map(|line| (*line).to_owned());
            let name = lines.next().unwrap_or_else(|| panic!("the template has no {line}"));
            std::iter::once(name).chain(lines.take_while(|line| !resource(line))).collect()
        };
        let is_still_wanted = |line: &&str| !NOT_WANTED_ANY_MORE.contains(line);
        let earlier: Vec<_> = tables.lines().filter(is_still_wanted).collect();
        let now = of(&template);
        // A table may get more, and loses nothing.
        let mut now = now.iter();
        for line in of(&earlier) {
            assert!(now.any(|other| *other == line), "not in the template, or not there: {line}");
        }
        compared += 1;
    }
    assert_eq!(compared, 2);
}
