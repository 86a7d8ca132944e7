//! Which grants let somebody upload, and what such grants must not reach.

use super::grants_error::GrantsError;
use super::upload_rules::UploadRules;
use super::{Grant, Grants, Principal};

impl Grants {
    /// Refuses grants for uploads that reach what uploads must not change: files whose writers are trusted
    /// with script, files that mails are about unless that is wanted, and the object `grants_object` that
    /// holds the grants themselves.
    ///
    /// # Errors
    ///
    /// [`GrantsError::Field`], which names the grant and the fix.
    pub fn check_uploads(&self, grants_object: Option<(&str, &str)>) -> Result<(), GrantsError> {
        for (index, grant) in self.0.iter().enumerate() {
            let Some(rules) = &grant.uploads else { continue };
            let wrong = |problem: String| GrantsError::Field { index, field: "prefix", problem };
            if grants_object.is_some_and(|(bucket, key)| {
                bucket == grant.bucket && grant.covers_for_somebody(key)
            }) {
                return Err(wrong(
                    "covers the object that holds the grants: whoever uploads could write their own; give uploads \
                     a prefix of their own"
                        .to_owned(),
                ));
            }
            let meets = |other: &&Grant| {
                other.bucket == grant.bucket && other.prefix.may_meet(&grant.prefix)
            };
            let others = || self.0.iter().filter(meets);
            if others().any(|other| other.trusted_content) {
                return Err(wrong(
                    "reaches files whose writers are trusted (\"trusted_content\"): whoever uploads could run \
                     script; give uploads a prefix of their own"
                        .to_owned(),
                ));
            }
            if !rules.mailed && others().any(|other| other.admits(&Principal::S3Event)) {
                return Err(wrong(
                    "reaches files that mails are about: each upload would be mailed; give uploads a prefix of \
                     their own, or add \"mailed\": true"
                        .to_owned(),
                ));
            }
        }
        Ok(())
    }

    /// The grants under which `principal` may upload to `bucket`, in the order of the setting.
    pub fn for_uploads(
        &self,
        principal: &Principal,
        bucket: &str,
    ) -> impl Iterator<Item = (&Grant, &UploadRules)> {
        self.0
            .iter()
            .filter(move |grant| grant.bucket == bucket && grant.admits(principal))
            .filter_map(|grant| Some((grant, grant.uploads.as_ref()?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uploads_reach_no_trusted_files_no_mails_and_not_the_grants() {
        let with = |put: &str, other: &str| {
            let json = format!(
                r#"[{{"bucket":"files","principals":["*"],"actions":["put"],"max_size":1,{put}}},
                    {{"bucket":"files",{other}}}]"#
            );
            let object = Some(("files", "config/grants.json"));
            Grants::parse(&json).unwrap().check_uploads(object).map_err(|error| error.to_string())
        };
        let apart = r#""prefix":"out/","principals":["*"],"trusted_content":true"#;
        assert_eq!(with(r#""prefix":"in/""#, apart), Ok(()));
        for (put, other, expected) in [
            (r#""prefix":"out/sub/""#, apart, "[0].prefix reaches files whose writers are trusted"),
            (r#""prefix":"o""#, apart, "[0].prefix reaches files whose writers are trusted"),
            (r#""prefix":"""#, apart, "[0].prefix covers the object that holds the grants"),
            (
                r#""prefix":"{principal}/""#,
                apart,
                "[0].prefix covers the object that holds the grants",
            ),
            (
                r#""prefix":"in/""#,
                r#""prefix":"in/","principals":["s3-event"]"#,
                "[0].prefix reaches files that mails",
            ),
        ] {
            let error = with(put, other).unwrap_err();
            assert!(error.starts_with(expected), "{put}: {error}");
        }
        let mails = r#""prefix":"in/","principals":["s3-event"]"#;
        assert_eq!(with(r#""prefix":"in/","mailed":true"#, mails), Ok(()));
        let elsewhere = r#"[{"bucket":"files","prefix":"config/","principals":["*"],"actions":["put"],"max_size":1}]"#;
        assert!(
            Grants::parse(elsewhere)
                .unwrap()
                .check_uploads(Some(("other", "config/grants.json")))
                .is_ok()
        );
    }
}
