//! Settings that earlier versions had. A function that still gets one does not start: what its
//! operator wrote would hold no longer, and might have been narrower than what holds now.

use std::fmt;

use thiserror::Error;

/// Each removed setting, and what to write instead.
const REMOVED: [(&str, &str); 7] = [
    ("GRANTS_OBJECT", "write its value as GRANTS, as in GRANTS=s3://bucket/key"),
    (
        "MAIL_LINK",
        "set it to nothing; a mail brings a share where a grant with the action \"share\" has the \
         principal \"s3-event\", and a link where one with the action \"get\" has it",
    ),
    (
        "MAIL_FROM_NAME",
        "write the name into MAIL_FROM, as in MAIL_FROM=Example Ltd <files@example.com>",
    ),
    (
        "MAIL_MIN_EXPIRES_IN",
        "set it to nothing; what a mail brings works for 900 seconds at least, or for \
         MAIL_EXPIRES_IN if that is less",
    ),
    ("MAIL_SUBJECT", "set it to nothing; the subject is \"Your file {name} ({size})\""),
    (
        "SHARE_OPEN_SECONDS",
        "write a time below 300 seconds as \"max_expires_in\" into the grant with the action \
         \"share\", and where mails bring shares into one for \"s3-event\" too; the link of a download works for 300 seconds otherwise",
    ),
    (
        "BASE_PATH",
        "write it as the path of PUBLIC_URL, as in PUBLIC_URL=https://files.example.com/files",
    ),
];

/// Settings are set that are gone. The message says what to write instead of each, and repeats no
/// value.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub struct RemovedSettings(Vec<(&'static str, &'static str)>);

impl fmt::Display for RemovedSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (name, instead)) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { ". " };
            write!(f, "{separator}{name} is no setting any more: {instead}")?;
        }
        Ok(())
    }
}

/// Refuses settings that are gone. `get` returns `None` for an empty one.
///
/// # Errors
///
/// [`RemovedSettings`].
pub(super) fn refuse(get: &impl Fn(&str) -> Option<String>) -> Result<(), RemovedSettings> {
    let set: Vec<_> = REMOVED.into_iter().filter(|(name, _)| get(name).is_some()).collect();
    if set.is_empty() { Ok(()) } else { Err(RemovedSettings(set)) }
}

/// Whether there was a setting of this name.
pub(super) fn is_removed(name: &str) -> bool {
    REMOVED.iter().any(|(removed, _)| *removed == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_removed_setting_is_named_with_what_to_write_instead() {
        for (name, _) in REMOVED {
            let get = |asked: &str| (asked == name).then(|| "someone@example.com".to_owned());
            let sentence = refuse(&get).unwrap_err().to_string();
            assert!(
                sentence.starts_with(&format!("{name} is no setting any more: ")),
                "{sentence}"
            );
            assert!(!sentence.contains("someone"), "{sentence}");
        }
        assert_eq!(refuse(&|_: &str| None), Ok(()));
    }

    #[test]
    fn all_of_several_removed_settings_are_named_at_once() {
        let sentence = refuse(&|_: &str| Some("x".to_owned())).unwrap_err().to_string();
        assert_eq!(sentence.matches("is no setting any more").count(), REMOVED.len());
    }
}
