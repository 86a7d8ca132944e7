//! What the mail about an object brings: a share, or a link that S3 opens. The grants decide it, for
//! each object.

use super::bucket_event::ObjectCreated;
use super::settings::MailSettings;
use link_rules::access::{Action, Grant, Grants, Principal};

/// What a mail brings, and a grant that allows it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Choice<'a> {
    /// [`Action::Share`]: a share. [`Action::Get`]: a link.
    pub(super) action: Action,
    pub(super) grant: &'a Grant,
}

impl<'a> Choice<'a> {
    /// A share where the grants let mails share the object, and where the function can make shares. A
    /// link otherwise, if the grants let mails get the object. A share that could not live for the
    /// least window leaves the choice to a link too, because no mail could ever bring it.
    ///
    /// # Errors
    ///
    /// Why nobody gets a mail about the object.
    pub(super) fn of(
        settings: &MailSettings,
        grants: &'a Grants,
        created: &ObjectCreated,
    ) -> Result<Self, &'static str> {
        let ObjectCreated { bucket, key, .. } = created;
        let mails = &Principal::S3Event;
        let find =
            |action| grants.find(mails, action, bucket, key).map(|grant| Self { action, grant });
        let share = find(Action::Share);
        let is_grantable = share.is_some();
        let longest = grants.longest_share(mails, bucket, key).unwrap_or_default();
        let is_long_enough = longest >= settings.window(Action::Share).min_expires_in;
        match (share.filter(|_| settings.can_share), find(Action::Get)) {
            (Some(share), link) if is_long_enough || link.is_none() => Ok(share),
            (_, Some(link)) => Ok(link),
            _ if is_grantable => Err(
                "the grants let \"s3-event\" share it and not get it, and without SHARES_TABLE and \
                 PUBLIC_URL no mail brings a share",
            ),
            _ => Err("no grant in GRANTS with the principal \"s3-event\" covers it"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a mail about `in/a` brings under a grant for mails with these fields besides.
    fn chosen(can_share: bool, grants: &[&str]) -> Result<Action, &'static str> {
        let settings = MailSettings::for_tests(can_share);
        let grants: Vec<_> = grants
            .iter()
            .map(|fields| format!(r#"{{"bucket":"files",{fields},"principals":["s3-event"]}}"#))
            .collect();
        let grants = Grants::parse(&format!("[{}]", grants.join(","))).unwrap();
        let created = ObjectCreated {
            bucket: "files".to_owned(),
            key: "in/a".to_owned(),
            version_id: None,
            etag: None,
            sequencer: None,
            size: None,
            is_copy: false,
        };
        Choice::of(&settings, &grants, &created).map(|choice| choice.action)
    }

    const GET: &str = r#""prefix":"""#;
    const SHARE: &str = r#""prefix":"","actions":["share"]"#;
    const BOTH: &str = r#""prefix":"","actions":["get","share"]"#;
    const ELSEWHERE: &str = r#""prefix":"out/","actions":["get","share"]"#;
    const BRIEF: &str = r#""prefix":"","actions":["share"],"max_share_expires_in":899"#;

    #[test]
    fn a_mail_brings_a_share_where_the_grants_let_it_and_the_function_can_make_one() {
        for grants in [&[SHARE] as &[_], &[BOTH], &[GET, SHARE], &[SHARE, GET]] {
            assert_eq!(chosen(true, grants), Ok(Action::Share));
        }
        for grants in [&[GET] as &[_], &[GET, ELSEWHERE]] {
            assert_eq!(chosen(true, grants), Ok(Action::Get));
        }
        for grants in [&[GET] as &[_], &[BOTH], &[GET, SHARE]] {
            assert_eq!(chosen(false, grants), Ok(Action::Get));
        }
    }

    #[test]
    fn nobody_gets_a_mail_that_the_grants_do_not_allow() {
        assert!(chosen(false, &[SHARE]).unwrap_err().contains("without SHARES_TABLE and PUBLIC_U"));
        for can_share in [true, false] {
            assert!(chosen(can_share, &[ELSEWHERE]).unwrap_err().starts_with("no grant in GRANTS"));
        }
    }

    #[test]
    fn a_share_that_no_mail_could_bring_leaves_the_choice_to_a_link() {
        assert_eq!(chosen(true, &[GET, BRIEF]), Ok(Action::Get));
        // Another grant lets it live for longer.
        assert_eq!(chosen(true, &[GET, BRIEF, SHARE]), Ok(Action::Share));
        // Its maker says why there is no mail.
        assert_eq!(chosen(true, &[BRIEF]), Ok(Action::Share));
    }
}
