//! The `MAIL_…` settings. Mailing is off unless `MAIL_FROM` is set. If it is set, the other
//! settings are checked when the function starts.
//!
//! No error repeats an address, because errors are logged.

use std::collections::HashSet;

use jiff::Timestamp;
use link_rules::access::{
    Action, DEFAULT_SHARE_EXPIRES_IN, Grants, MAX_SHARE_EXPIRES_IN, Principal,
};
use link_rules::window::RequestedWindow;

use super::lists::{addresses, without_name};
use super::recipients::{Address, AllowedRecipients};
use super::sender::Sender;
use super::settings_error::MailSettingsError;
use crate::shares::{SenderName, ShareSettings};

/// `MAIL_EXPIRES_IN` if it is not set, for a link, in seconds: the longest window that a fresh Lambda
/// session can keep. For a share it is [`DEFAULT_SHARE_EXPIRES_IN`].
const DEFAULT_LINK_EXPIRES_IN: u64 = 43_200;

/// The shortest window worth a mail, in seconds, where `MAIL_EXPIRES_IN` asks for no shorter one. A
/// mail may be read some minutes after it was sent, and a recipient must have a chance to use it. If
/// the session can't keep the window, the mail is tried again later, perhaps in a younger session.
const LEAST_EXPIRES_IN: u64 = 900;

/// `MAIL_MAX_RECIPIENTS` if it is not set.
const DEFAULT_MAX_RECIPIENTS: usize = 20;

/// The largest value of `MAIL_MAX_RECIPIENTS`. An invocation sends that many mails in its minute.
const HIGHEST_MAX_RECIPIENTS: usize = 50;

/// The smallest value of `MAIL_EXPIRES_IN`, in seconds. A mail states the end of a link in whole
/// minutes. The largest is that of a share's life; a link ends with its signature after seven days.
const LOWEST_EXPIRES_IN: u64 = 60;

/// The `MAIL_…` settings.
#[derive(Clone, Debug)]
pub(crate) struct MailSettings {
    /// `MAIL_FROM`.
    pub sender: Sender,
    /// `MAIL_TO`: the recipients of mails about objects that name none, each mailbox once.
    pub fallback: Vec<Address>,
    /// `MAIL_ALLOWED_RECIPIENTS`.
    pub allowed: AllowedRecipients,
    /// `MAIL_MAX_RECIPIENTS`: how many mailboxes one object may name.
    pub max_recipients: usize,
    /// Who shares what mails bring, as the pages of these shares say it: the sender's name, the
    /// organisation that shares, or the sender's address.
    pub shared_by: SenderName,
    /// Whether mails can bring shares: `SHARES_TABLE` and `PUBLIC_URL` are set. Nobody calls under an
    /// address that could stand before a share's.
    pub can_share: bool,
    /// `MAIL_EXPIRES_IN`, in seconds.
    expires_in: Option<u64>,
    /// `MAIL_TABLE`: the ledger's DynamoDB table.
    pub table: String,
}

impl MailSettings {
    /// Reads the settings that `get` returns. The result is `None` when `MAIL_FROM` is not set.
    /// `assumed_end` is the end of the session according to `ASSUMED_SESSION_SECONDS`, and `shares`
    /// are the settings of shares.
    ///
    /// # Errors
    ///
    /// [`MailSettingsError`], a sentence that names the setting and the fix.
    pub(crate) fn read(
        get: &impl Fn(&str) -> Option<String>,
        assumed_end: Option<Timestamp>,
        shares: Option<&ShareSettings>,
    ) -> Result<Option<Self>, MailSettingsError> {
        let Some(from) = get("MAIL_FROM") else {
            return Ok(None);
        };
        if assumed_end.is_some() {
            return Err(MailSettingsError::Assumed);
        }
        let allowed = get("MAIL_ALLOWED_RECIPIENTS").ok_or(MailSettingsError::Missing {
            name: "MAIL_ALLOWED_RECIPIENTS",
            fix: "say who may get mail, for example *@example.com",
        })?;
        let allowed = AllowedRecipients::parse(&allowed).map_err(|_| MailSettingsError::Wrong {
            name: "MAIL_ALLOWED_RECIPIENTS",
            fix: "use patterns separated by commas, and end each with a whole domain such as \
                  *@example.com or *@*.example.com, without a star in the last two labels",
        })?;
        let max_recipients = max_recipients(get)?;
        let sender = Sender::parse(&from)?;
        Ok(Some(Self {
            shared_by: shared_by(&sender, shares),
            sender,
            fallback: fallback(get, &allowed, max_recipients)?,
            allowed,
            max_recipients,
            can_share: shares.is_some_and(ShareSettings::has_public_url),
            expires_in: expires_in(get)?,
            table: table(get)?,
        }))
    }
}

impl MailSettings {
    /// The window that a mail asks for, where it brings what `action` makes: a link
    /// ([`Action::Get`]) or a share ([`Action::Share`]).
    pub(super) fn window(&self, action: Action) -> RequestedWindow {
        let default = match action {
            Action::Get | Action::Put => DEFAULT_LINK_EXPIRES_IN,
            Action::Share => DEFAULT_SHARE_EXPIRES_IN,
        };
        let expires_in = self.expires_in.unwrap_or(default);
        RequestedWindow { expires_in, min_expires_in: LEAST_EXPIRES_IN.min(expires_in) }
    }

    /// Refuses grants under which no mail could ever be sent.
    ///
    /// # Errors
    ///
    /// [`MailSettingsError::NoGrant`] and [`MailSettingsError::GrantTooShort`].
    pub(crate) fn check_grants(&self, grants: &Grants) -> Result<(), MailSettingsError> {
        let mails = &Principal::S3Event;
        let share = grants.longest_share_for(mails).filter(|_| self.can_share);
        let link = grants.longest_for(mails, Action::Get);
        let granted = share.max(link).ok_or(MailSettingsError::NoGrant)?;
        // Both kinds have the same.
        let RequestedWindow { min_expires_in, .. } = self.window(Action::Get);
        if granted < min_expires_in {
            return Err(MailSettingsError::GrantTooShort { min_expires_in, granted });
        }
        Ok(())
    }

    /// What the operator should know of these grants, in a sentence.
    pub(crate) fn warning(&self, grants: &Grants) -> Option<&'static str> {
        let may_share = grants.longest_share_for(&Principal::S3Event).is_some();
        (may_share && !self.can_share).then_some(
            "a grant lets \"s3-event\" share files, and SHARES_TABLE or PUBLIC_URL is not set: mails \
             bring no shares, and links only where a grant gives \"get\" too",
        )
    }

    /// Settings with the defaults, for tests of what follows from them.
    #[cfg(test)]
    pub(super) fn for_tests(can_share: bool) -> Self {
        let get = |name: &str| match name {
            "MAIL_FROM" => Some("files@example.com".to_owned()),
            "MAIL_ALLOWED_RECIPIENTS" => Some("*@example.com".to_owned()),
            "MAIL_TABLE" => Some("mails".to_owned()),
            _ => None,
        };
        let settings = Self::read(&get, None, None).unwrap().unwrap();
        Self { can_share, ..settings }
    }
}

fn shared_by(sender: &Sender, shares: Option<&ShareSettings>) -> SenderName {
    let organisation = shares.and_then(ShareSettings::from).map(str::to_owned);
    let name = sender.name.clone().or(organisation);
    SenderName::checked(name.unwrap_or_else(|| sender.address.in_full()))
}

fn expires_in(get: &impl Fn(&str) -> Option<String>) -> Result<Option<u64>, MailSettingsError> {
    let name = "MAIL_EXPIRES_IN";
    let Some(written) = get(name) else { return Ok(None) };
    let seconds = written.trim().parse().ok();
    seconds
        .filter(|seconds| (LOWEST_EXPIRES_IN..=MAX_SHARE_EXPIRES_IN).contains(seconds))
        .map(Some)
        .ok_or(MailSettingsError::Wrong { name, fix: "use 60 to 31536000 seconds" })
}

fn max_recipients(get: &impl Fn(&str) -> Option<String>) -> Result<usize, MailSettingsError> {
    let name = "MAIL_MAX_RECIPIENTS";
    let Some(written) = get(name) else { return Ok(DEFAULT_MAX_RECIPIENTS) };
    let number = written.trim().parse().ok();
    number
        .filter(|number| (1..=HIGHEST_MAX_RECIPIENTS).contains(number))
        .ok_or(MailSettingsError::Wrong { name, fix: "use 1 to 50" })
}

fn fallback(
    get: &impl Fn(&str) -> Option<String>,
    allowed: &AllowedRecipients,
    max: usize,
) -> Result<Vec<Address>, MailSettingsError> {
    let list = get("MAIL_TO").unwrap_or_default();
    let addresses = addresses(&list).map(|written| {
        let address = Address::parse(without_name(written))
            .map_err(|error| MailSettingsError::Address { name: "MAIL_TO", error })?;
        if allowed.admit(&address) {
            Ok(address)
        } else {
            Err(MailSettingsError::NotAllowed { domain: address.domain().to_owned() })
        }
    });
    let mut mailboxes = HashSet::new();
    let mut addresses: Vec<_> = addresses.collect::<Result<_, _>>()?;
    addresses.retain(|address| mailboxes.insert(address.mailbox()));
    match addresses.len() {
        named if named > max => Err(MailSettingsError::TooManyRecipients { named, max }),
        _ => Ok(addresses),
    }
}

fn table(get: &impl Fn(&str) -> Option<String>) -> Result<String, MailSettingsError> {
    get("MAIL_TABLE").ok_or(MailSettingsError::Missing {
        name: "MAIL_TABLE",
        fix: "name the DynamoDB table that remembers what was mailed to whom",
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    fn read(changes: &[(&str, &str)]) -> Result<Option<MailSettings>, MailSettingsError> {
        let mut variables = HashMap::from([
            ("MAIL_FROM", "files@example.com"),
            ("MAIL_ALLOWED_RECIPIENTS", "*@example.com"),
            ("MAIL_TABLE", "mails"),
        ]);
        variables.extend(changes.iter().copied());
        let get = |name: &str| {
            variables.get(name).filter(|value| !value.is_empty()).map(|value| (*value).to_owned())
        };
        MailSettings::read(&get, None, None)
    }

    fn grants(principals: &str, max_expires_in: u64) -> Grants {
        Grants::parse(&format!(
            r#"[{{"bucket":"files","prefix":"","principals":{principals},"max_expires_in":{max_expires_in}}}]"#
        ))
        .unwrap()
    }

    #[test]
    fn mailing_is_off_unless_there_is_a_sender() {
        assert!(read(&[("MAIL_FROM", ""), ("MAIL_ALLOWED_RECIPIENTS", "")]).unwrap().is_none());
        let settings = read(&[]).unwrap().unwrap();
        let window = |expires_in| RequestedWindow { expires_in, min_expires_in: 900 };
        assert_eq!(settings.window(Action::Get), window(43_200));
        assert_eq!(settings.window(Action::Share), window(604_800));
        assert!(!settings.can_share);
        assert!(settings.fallback.is_empty());
        assert_eq!(settings.max_recipients, 20);
    }

    #[test]
    fn a_wrong_setting_is_refused_with_a_sentence_that_names_it_and_no_person() {
        for (name, value, expected) in [
            ("MAIL_FROM", "someone", "MAIL_FROM holds something that is not of the form"),
            ("MAIL_FROM", "sömeone@example.com", "MAIL_FROM holds something that has characters"),
            ("MAIL_ALLOWED_RECIPIENTS", "", "MAIL_ALLOWED_RECIPIENTS is not set"),
            ("MAIL_ALLOWED_RECIPIENTS", "*", "MAIL_ALLOWED_RECIPIENTS is wrong: use patterns"),
            ("MAIL_TO", "someone@example.org", "MAIL_TO holds an address at example.org that no"),
            ("MAIL_TO", "a@example.com,someone", "MAIL_TO holds something that is not"),
            ("MAIL_TO", "a%b@example.com", "MAIL_TO holds something that has % or !"),
            ("MAIL_ALLOWED_RECIPIENTS", "*@*.*", "and end each with a whole domain such as *@exa"),
            ("MAIL_MAX_RECIPIENTS", "0", "MAIL_MAX_RECIPIENTS is wrong: use 1 to 50"),
            ("MAIL_MAX_RECIPIENTS", "51", "MAIL_MAX_RECIPIENTS is wrong: use 1 to 50"),
            ("MAIL_MAX_RECIPIENTS", "many", "MAIL_MAX_RECIPIENTS is wrong: use 1 to 50"),
            ("MAIL_TABLE", "", "MAIL_TABLE is not set"),
            ("MAIL_EXPIRES_IN", "1h", "MAIL_EXPIRES_IN is wrong: use 60 to 31536000"),
            ("MAIL_EXPIRES_IN", "59", "MAIL_EXPIRES_IN is wrong"),
            ("MAIL_EXPIRES_IN", "31536001", "MAIL_EXPIRES_IN is wrong"),
            ("MAIL_FROM", "A\r\nB <someone@example.com>", "MAIL_FROM is wrong"),
        ] {
            let sentence = read(&[(name, value)]).unwrap_err().to_string();
            assert!(sentence.contains(expected), "{name}={value}: {sentence}");
            assert!(!sentence.contains("someone"), "{sentence}");
        }
    }

    #[test]
    fn mail_to_names_each_mailbox_once_and_no_more_than_an_object_may() {
        let named = |list: &str, max: &str| {
            let settings = read(&[("MAIL_TO", list), ("MAIL_MAX_RECIPIENTS", max)])?;
            Ok::<_, MailSettingsError>(settings.unwrap().fallback.len())
        };
        let two = "a+x@example.com,A@example.com,a+y@example.com,b@example.com";
        assert_eq!(named(two, "2").unwrap(), 2);
        let sentence = named(two, "1").unwrap_err().to_string();
        assert!(sentence.contains("MAIL_TO names 2 mailboxes, and MAIL_MAX_RECIPIENTS allows 1"));
    }

    #[test]
    fn grants_that_could_never_lead_to_a_mail_are_refused() {
        let settings = read(&[]).unwrap().unwrap();
        let none = settings.check_grants(&grants(r#"["*"]"#, 604_800)).unwrap_err();
        assert!(none.to_string().contains("no grant has the principal \"s3-event\""));
        let short = settings.check_grants(&grants(r#"["s3-event"]"#, 600)).unwrap_err();
        assert!(short.to_string().contains("the longest that a grant gives \"s3-event\" is 600 s"));
        settings.check_grants(&grants(r#"["s3-event"]"#, 900)).unwrap();
        // Whoever asks for less is content with less.
        let brief = read(&[("MAIL_EXPIRES_IN", "600")]).unwrap().unwrap();
        brief.check_grants(&grants(r#"["s3-event"]"#, 600)).unwrap();
        assert!(brief.check_grants(&grants(r#"["s3-event"]"#, 599)).is_err());
    }

    /// Grants that let mails share, for so many seconds.
    fn sharing(seconds: u64, actions: &str) -> Grants {
        Grants::parse(&format!(
            r#"[{{"bucket":"files","prefix":"","principals":["s3-event"],"max_expires_in":600,
                  "actions":{actions},"max_share_expires_in":{seconds}}}]"#
        ))
        .unwrap()
    }

    #[test]
    fn grants_that_let_mails_share_do_where_the_function_can_make_shares() {
        let (can, can_not) = (MailSettings::for_tests(true), MailSettings::for_tests(false));
        can.check_grants(&sharing(900, r#"["share"]"#)).unwrap();
        // Its links would be too short, and its shares are not.
        can.check_grants(&sharing(900, r#"["get","share"]"#)).unwrap();
        can.check_grants(&grants(r#"["s3-event"]"#, 900)).unwrap();
        let short = can.check_grants(&sharing(899, r#"["share"]"#)).unwrap_err();
        assert!(short.to_string().contains("\"s3-event\" is 899 s"), "{short}");
        let none = can_not.check_grants(&sharing(900, r#"["share"]"#)).unwrap_err();
        assert!(none.to_string().contains("\"share\" where SHARES_TABLE and PUBLIC_URL are set"));
        let short = can_not.check_grants(&sharing(900, r#"["get","share"]"#)).unwrap_err();
        assert!(short.to_string().contains("\"s3-event\" is 600 s"), "{short}");
    }

    #[test]
    fn mails_can_bring_shares_where_shares_have_a_table_and_an_address() {
        let read = |table: Option<&str>, url: Option<&str>| {
            let get = |name: &str| match name {
                "MAIL_FROM" => Some("files@example.com".to_owned()),
                "MAIL_ALLOWED_RECIPIENTS" => Some("*@example.com".to_owned()),
                "MAIL_TABLE" => Some("mails".to_owned()),
                "SHARES_TABLE" => table.map(str::to_owned),
                _ => None,
            };
            let shares = ShareSettings::read(&get, url).unwrap();
            MailSettings::read(&get, None, shares.as_ref()).unwrap().unwrap()
        };
        let url = Some("https://files.example.com");
        let sharing = sharing(900, r#"["get","share"]"#);
        assert!(read(Some("shares"), url).can_share);
        assert_eq!(read(Some("shares"), url).warning(&sharing), None);
        for without in [read(None, None), read(None, url), read(Some("shares"), None)] {
            assert!(!without.can_share);
            assert!(without.warning(&sharing).unwrap().contains("SHARES_TABLE or PUBLIC_URL"));
            assert_eq!(without.warning(&grants(r#"["s3-event"]"#, 900)), None);
        }
    }

    #[test]
    fn a_share_in_a_mail_is_from_the_sender_s_name_the_organisation_or_the_address() {
        let read = |from: &str, organisation: Option<&str>| {
            let get = |name: &str| match name {
                "MAIL_FROM" => Some(from.to_owned()),
                "MAIL_ALLOWED_RECIPIENTS" => Some("*@example.com".to_owned()),
                "MAIL_TABLE" => Some("mails".to_owned()),
                "SHARES_TABLE" => Some("shares".to_owned()),
                "SHARES_FROM" => organisation.map(str::to_owned),
                _ => None,
            };
            let shares = ShareSettings::read(&get, None).unwrap();
            let settings = MailSettings::read(&get, None, shares.as_ref()).unwrap().unwrap();
            settings.shared_by.as_str().to_owned()
        };
        let organisation = Some("Example Group");
        assert_eq!(read("Example Ltd <files@example.com>", organisation), "Example Ltd");
        assert_eq!(read("files@example.com", organisation), "Example Group");
        assert_eq!(read("files@example.com", None), "files@example.com");
    }

    #[test]
    fn one_window_is_for_links_and_for_shares() {
        for (written, least) in [("31536000", 900), ("900", 900), ("899", 899), ("60", 60)] {
            let settings = read(&[("MAIL_EXPIRES_IN", written)]).unwrap().unwrap();
            let expires_in = written.parse().unwrap();
            let window = RequestedWindow { expires_in, min_expires_in: least };
            assert_eq!(settings.window(Action::Get), window);
            assert_eq!(settings.window(Action::Share), window);
        }
    }

    #[test]
    fn mailing_and_an_assumed_session_exclude_one_another() {
        let get = |name: &str| (name == "MAIL_FROM").then(|| "files@example.com".to_owned());
        let assumed = Some(Timestamp::UNIX_EPOCH);
        let error = MailSettings::read(&get, assumed, None).unwrap_err();
        assert!(matches!(error, MailSettingsError::Assumed));
    }
}
