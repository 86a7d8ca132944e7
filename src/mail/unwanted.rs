//! Files that nobody wants a mail about: folders' markers, empty files, litter, and names of files that are
//! still being written. The last two are known by their names, and a grant can say that they are wanted.

use link_rules::access::Grants;

use super::bucket_event::ObjectCreated;

/// Litter of desktops and of Hadoop, in lower case.
const NAMES: [&str; 1] = [".ds_store"];

/// How names of office programs' owner files begin.
const BEGINNINGS: [&str; 1] = ["~$"];

/// How names end of files that are still being written, and of Hadoop's folders, in lower case.
const ENDINGS: [&str; 4] = [".filepart", ".part", ".tmp", "_$folder$"];

/// Why an event about an object is left out.
pub(super) const EMPTY: &str = "it is empty: its content has an event of its own";

/// Why nobody wants a mail about an object, as far as its event and the grants tell.
pub(super) fn why_unwanted(created: &ObjectCreated, grants: &Grants) -> Option<&'static str> {
    if created.is_folder_marker() {
        return Some("it is a folder's marker");
    }
    if is_unfinished(&created.key) && !grants.mail_unfinished_names(&created.bucket, &created.key) {
        return Some(
            "its name is that of litter or of an unfinished file: if such files are wanted, write \
             \"unfinished_names\": true into the grant",
        );
    }
    (created.size == Some(0)).then_some(EMPTY)
}

/// Whether the name in `key` is that of litter or of a file that is still being written. Capitals do not count.
fn is_unfinished(key: &str) -> bool {
    let name = key.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
    NAMES.contains(&name.as_str())
        || BEGINNINGS.iter().any(|beginning| name.starts_with(beginning))
        || ENDINGS.iter().any(|ending| name.ends_with(ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn litter_and_unfinished_files_are_known_by_their_names() {
        for key in [
            ".DS_Store",
            "a/.DS_Store",
            "a/~$report.docx",
            "a/report.pdf.filepart",
            "report.pdf.part",
            "a/~WRL0001.TMP",
            "a/b_$folder$",
        ] {
            assert!(is_unfinished(key), "{key}");
        }
        for key in [
            "a/b.DS_Store.pdf",
            ".DS_Store/a",
            "a/report~$.docx",
            "a.part/b",
            "part",
            "report.part1.rar",
            "counterpart",
            "a.tmp.pdf",
        ] {
            assert!(!is_unfinished(key), "{key}");
        }
    }
}
