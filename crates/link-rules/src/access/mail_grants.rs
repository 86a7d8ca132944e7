//! `MAIL_GRANTS`: the grants for mails about objects, for grants that say nothing of mails.

use super::{Grants, Principal};

impl Grants {
    /// These grants, and those of `mails` after them if these name `"s3-event"` in no grant. Who says
    /// anything of mails says all of it.
    ///
    /// A bucket has one region. What these grants say of a bucket's region, or leave to S3, holds for
    /// the added grants too.
    #[must_use]
    pub fn with_mail_grants(mut self, mails: &Self) -> Self {
        if self.admit(&Principal::S3Event) {
            return self;
        }
        let own = self.0.len();
        for grant in &mails.0 {
            let mut grant = grant.clone();
            if let Some(other) = self.0[..own].iter().find(|other| other.bucket == grant.bucket) {
                grant.region.clone_from(&other.region);
            }
            self.0.push(grant);
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::super::Action;
    use super::*;

    fn grants(json: &str) -> Grants {
        Grants::parse(json).unwrap()
    }

    fn for_mails() -> Grants {
        grants(
            r#"[{"bucket":"files","prefix":"in/","principals":["s3-event"],"region":"eu-west-1"},
                {"bucket":"files","prefix":"out/","principals":["s3-event"],"region":"eu-west-1"}]"#,
        )
    }

    fn are_mailed(grants: &Grants, key: &str) -> bool {
        grants.find(&Principal::S3Event, Action::Get, "files", key).is_some()
    }

    #[test]
    fn grants_for_mails_are_added_to_grants_that_name_none() {
        let added = grants(r#"[{"bucket":"other","prefix":"","principals":["*"]}]"#)
            .with_mail_grants(&for_mails());
        assert_eq!(added.iter().count(), 3);
        assert!(are_mailed(&added, "in/a") && are_mailed(&added, "out/a"));
        assert!(!are_mailed(&added, "a"));
        let regions: Vec<_> = added.iter().map(|grant| grant.region.as_deref()).collect();
        assert_eq!(regions, [None, Some("eu-west-1"), Some("eu-west-1")]);
    }

    #[test]
    fn grants_that_name_mails_are_left_as_they_are() {
        for principals in [r#"["s3-event"]"#, r#"["*","s3-event"]"#] {
            let json = format!(
                r#"[{{"bucket":"files","prefix":"own/","principals":{principals},"actions":["share"]}}]"#
            );
            let own = grants(&json);
            assert_eq!(own.clone().with_mail_grants(&for_mails()), own);
        }
    }

    #[test]
    fn a_bucket_keeps_the_region_that_the_grants_say() {
        for (region, expected) in [("", None), (r#","region":"us-east-1""#, Some("us-east-1"))] {
            let json = format!(r#"[{{"bucket":"files","prefix":"","principals":["*"]{region}}}]"#);
            let added = grants(&json).with_mail_grants(&for_mails());
            assert_eq!(added.iter().count(), 3);
            assert!(added.iter().all(|grant| grant.region.as_deref() == expected), "{added:?}");
        }
    }

    #[test]
    fn grants_for_mails_do_not_take_a_caller_s_only_bucket_away() {
        let one = r#"[{"bucket":"other","prefix":"","principals":["*"]}]"#;
        assert_eq!(
            grants(one).with_mail_grants(&for_mails()).only_bucket(Action::Get),
            Some("other")
        );
        assert_eq!(for_mails().only_bucket(Action::Get), Some("files"));
        let two = r#"[{"bucket":"other","prefix":"","principals":["*"]},
                      {"bucket":"another","prefix":"","principals":["*","s3-event"]}]"#;
        assert_eq!(grants(two).only_bucket(Action::Get), None);
        assert_eq!(Grants::default().only_bucket(Action::Get), None);
    }
}
