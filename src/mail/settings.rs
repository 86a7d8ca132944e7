//! The `MAIL_…` settings. Mailing is off unless `MAIL_FROM` is set. If it is set, the other
//! settings are checked when the function starts.
//!
//! No error repeats an address, because errors are logged.

use std::collections::HashSet;

use jiff::Timestamp;
use link_rules::access::{
    Action, DEFAULT_SHARE_EXPIRES_IN, Grants, MAX_SHARE_EXPIRES_IN, Principal,
};
use link_rules::window::{RequestedWindow, SIGNATURE_MAX_EXPIRES_IN};
use thiserror::Error;

use super::recipients::{Address, AddressError, AllowedRecipients};
use crate::shares::ShareSettings;

/// `MAIL_EXPIRES_IN` if it is not set, in seconds: the longest window that a fresh Lambda session
/// can keep.
const DEFAULT_EXPIRES_IN: u64 = 43_200;

/// `MAIL_MIN_EXPIRES_IN` if it is not set, in seconds. A recipient needs some time to see the mail.
const DEFAULT_MIN_EXPIRES_IN: u64 = 900;

/// `MAIL_MAX_RECIPIENTS` if it is not set.
const DEFAULT_MAX_RECIPIENTS: usize = 20;

/// The largest value of `MAIL_MAX_RECIPIENTS`. An invocation sends that many mails in its minute.
const HIGHEST_MAX_RECIPIENTS: usize = 50;

/// The smallest value of both settings, in seconds. A mail states the end of a link in whole
/// minutes.
const LOWEST_EXPIRES_IN: u64 = 60;

/// `MAIL_SUBJECT` if it is not set.
const DEFAULT_SUBJECT: &str = "Your file {name} ({size})";

/// The longest sender's name and subject pattern, in characters.
const MAX_LINE_CHARS: usize = 150;

/// The longest sender's address, in bytes. The header `From` has room for it in a line of its own.
const MAX_FROM_BYTES: usize = 70;

/// A `MAIL_…` setting is missing or wrong. The function does not start.
#[derive(Debug, Error)]
pub enum MailSettingsError {
    /// A setting is not set, and mailing needs it.
    #[error("{name} is not set, and MAIL_FROM is: {fix}")]
    Missing {
        /// The setting.
        name: &'static str,
        /// What to set it to.
        fix: &'static str,
    },
    /// A setting has a value that is not accepted. The message does not repeat the value.
    #[error("{name} is wrong: {fix}")]
    Wrong {
        /// The setting.
        name: &'static str,
        /// Which values are accepted.
        fix: &'static str,
    },
    /// A setting holds something that is not an address.
    #[error("{name} holds something that {error}")]
    Address {
        /// The setting.
        name: &'static str,
        /// What is wrong with it.
        error: AddressError,
    },
    /// A recipient in `MAIL_TO` is not allowed and would never get a mail.
    #[error(
        "MAIL_TO holds an address at {domain} that no pattern in MAIL_ALLOWED_RECIPIENTS admits"
    )]
    NotAllowed {
        /// The domain of the address.
        domain: String,
    },
    /// `MAIL_TO` names more mailboxes than an object may.
    #[error(
        "MAIL_TO names {named} mailboxes, and MAIL_MAX_RECIPIENTS allows {max}: raise it, or name \
         a mailing list's address instead"
    )]
    TooManyRecipients {
        /// How many `MAIL_TO` names.
        named: usize,
        /// `MAIL_MAX_RECIPIENTS`.
        max: usize,
    },
    /// The shortest window is longer than the longest one.
    #[error(
        "MAIL_MIN_EXPIRES_IN is {min_expires_in}, and more than MAIL_EXPIRES_IN, which is \
         {expires_in}"
    )]
    MinOverMax {
        /// `MAIL_MIN_EXPIRES_IN`, in seconds.
        min_expires_in: u64,
        /// `MAIL_EXPIRES_IN`, in seconds.
        expires_in: u64,
    },
    /// No grant allows mails that bring shares.
    #[error(
        "MAIL_LINK is share, and no grant with the action \"share\" has the principal \
         \"s3-event\": no file could ever be mailed"
    )]
    NoShareGrant,
    /// No grant allows mails.
    #[error(
        "MAIL_FROM is set, and no grant has the principal \"s3-event\": no file could ever \
         be mailed"
    )]
    NoGrant,
    /// Every grant allows only windows that are shorter than `MAIL_MIN_EXPIRES_IN`.
    #[error(
        "MAIL_MIN_EXPIRES_IN is {min_expires_in}, and the longest window that a grant gives \
         \"s3-event\" is {granted} s: no mail could ever be sent"
    )]
    GrantTooShort {
        /// `MAIL_MIN_EXPIRES_IN`, in seconds.
        min_expires_in: u64,
        /// The longest `max_expires_in` of a grant, in seconds, or `max_share_expires_in` where mails
        /// bring shares.
        granted: u64,
    },
    /// Sessions are assumed, not proven. A mail can't say so: it states the end of its link as a
    /// fact.
    #[error(
        "MAIL_FROM and ASSUMED_SESSION_SECONDS are both set: a mail promises only what is proven, \
         set one of them to nothing"
    )]
    Assumed,
}

/// The sender and the subject of mails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sender {
    /// `MAIL_FROM`: an identity that is verified in SES.
    pub address: Address,
    /// `MAIL_FROM_NAME`.
    pub name: Option<String>,
    /// `MAIL_SUBJECT`.
    pub subject: SubjectPattern,
}

/// A subject in which `{name}` and `{size}` stand for the file's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SubjectPattern(String);

impl SubjectPattern {
    fn parse(written: &str) -> Option<Self> {
        let rest = written.replace("{name}", "").replace("{size}", "");
        (is_one_line(written) && !rest.contains(['{', '}'])).then(|| Self(written.to_owned()))
    }

    /// The subject of one mail.
    pub(super) fn filled(&self, name: &str, size: &str) -> String {
        // The size is inserted first, so that a file's name is not searched for placeholders.
        self.0.replace("{size}", size).replace("{name}", name)
    }
}

/// What mails bring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MailLink {
    /// A link that S3 opens, and that ends with its session at the latest.
    Direct,
    /// A share, which lives as long as `MAIL_EXPIRES_IN` and the grant say.
    Share,
}

/// The `MAIL_…` settings.
#[derive(Clone, Debug)]
pub(crate) struct MailSettings {
    /// `MAIL_FROM`, `MAIL_FROM_NAME` and `MAIL_SUBJECT`.
    pub sender: Sender,
    /// `MAIL_TO`: the recipients of mails about objects that name none, each mailbox once.
    pub fallback: Vec<Address>,
    /// `MAIL_ALLOWED_RECIPIENTS`.
    pub allowed: AllowedRecipients,
    /// `MAIL_MAX_RECIPIENTS`: how many mailboxes one object may name.
    pub max_recipients: usize,
    /// `MAIL_LINK`.
    pub link: MailLink,
    /// `MAIL_EXPIRES_IN` and `MAIL_MIN_EXPIRES_IN`.
    pub window: RequestedWindow,
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
        let link = link(get, shares)?;
        let window = window(get, link)?;
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
        Ok(Some(Self {
            sender: Sender {
                address: sender_address(&from)?,
                name: one_line("MAIL_FROM_NAME", get)?,
                subject: subject(get)?,
            },
            fallback: fallback(get, &allowed, max_recipients)?,
            allowed,
            max_recipients,
            link,
            window,
            table: table(get)?,
        }))
    }
}

impl MailSettings {
    /// Refuses grants under which no mail could ever be sent.
    ///
    /// # Errors
    ///
    /// [`MailSettingsError::NoGrant`], [`MailSettingsError::NoShareGrant`] and
    /// [`MailSettingsError::GrantTooShort`].
    pub(crate) fn check_grants(&self, grants: &Grants) -> Result<(), MailSettingsError> {
        let min_expires_in = self.window.min_expires_in;
        let (granted, none) = match self.link {
            MailLink::Direct => {
                (grants.longest_for(&Principal::S3Event, Action::Get), MailSettingsError::NoGrant)
            }
            MailLink::Share => {
                (grants.longest_share_for(&Principal::S3Event), MailSettingsError::NoShareGrant)
            }
        };
        let granted = granted.ok_or(none)?;
        if granted < min_expires_in {
            return Err(MailSettingsError::GrantTooShort { min_expires_in, granted });
        }
        Ok(())
    }
}

fn link(
    get: &impl Fn(&str) -> Option<String>,
    shares: Option<&ShareSettings>,
) -> Result<MailLink, MailSettingsError> {
    match get("MAIL_LINK").as_deref().map(str::trim) {
        None | Some("direct") => Ok(MailLink::Direct),
        Some("share") => {
            let missing = |name, fix| Err(MailSettingsError::Missing { name, fix });
            match shares.map(ShareSettings::has_public_url) {
                None => missing("SHARES_TABLE", "MAIL_LINK=share needs the table of shares"),
                // Nobody calls under an address that could stand before the share's.
                Some(false) => missing(
                    "PUBLIC_URL",
                    "MAIL_LINK=share needs the address that stands before /s/ in a share's address",
                ),
                Some(true) => Ok(MailLink::Share),
            }
        }
        Some(_) => Err(MailSettingsError::Wrong {
            name: "MAIL_LINK",
            fix: "use direct (the default), or share for links that live as long as a share",
        }),
    }
}

fn window(
    get: &impl Fn(&str) -> Option<String>,
    link: MailLink,
) -> Result<RequestedWindow, MailSettingsError> {
    let (default, most, fix) = match link {
        MailLink::Direct => {
            (DEFAULT_EXPIRES_IN, SIGNATURE_MAX_EXPIRES_IN, "use 60 to 604800 seconds")
        }
        MailLink::Share => {
            (DEFAULT_SHARE_EXPIRES_IN, MAX_SHARE_EXPIRES_IN, "use 60 to 31536000 seconds")
        }
    };
    let seconds = |name: &'static str, default: u64| {
        let Some(written) = get(name) else { return Ok(default) };
        let seconds = written.trim().parse().ok();
        seconds
            .filter(|seconds| (LOWEST_EXPIRES_IN..=most).contains(seconds))
            .ok_or(MailSettingsError::Wrong { name, fix })
    };
    let expires_in = seconds("MAIL_EXPIRES_IN", default)?;
    let min_expires_in = seconds("MAIL_MIN_EXPIRES_IN", DEFAULT_MIN_EXPIRES_IN.min(expires_in))?;
    if min_expires_in > expires_in {
        return Err(MailSettingsError::MinOverMax { min_expires_in, expires_in });
    }
    Ok(RequestedWindow { expires_in, min_expires_in })
}

fn sender_address(from: &str) -> Result<Address, MailSettingsError> {
    let name = "MAIL_FROM";
    let address =
        Address::parse(from).map_err(|error| MailSettingsError::Address { name, error })?;
    if address.in_full().len() > MAX_FROM_BYTES {
        return Err(MailSettingsError::Wrong { name, fix: "use an address of up to 70 bytes" });
    }
    Ok(address)
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
    let written = list.split(',').filter(|written| !written.trim().is_empty());
    let addresses = written.map(|written| {
        let address = Address::parse(written)
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

fn subject(get: &impl Fn(&str) -> Option<String>) -> Result<SubjectPattern, MailSettingsError> {
    let written = get("MAIL_SUBJECT").unwrap_or_else(|| DEFAULT_SUBJECT.to_owned());
    SubjectPattern::parse(&written).ok_or(MailSettingsError::Wrong {
        name: "MAIL_SUBJECT",
        fix: "use one line of up to 150 characters, in which {name} and {size} stand for the \
               file's, and no other braces",
    })
}

fn one_line(
    name: &'static str,
    get: &impl Fn(&str) -> Option<String>,
) -> Result<Option<String>, MailSettingsError> {
    match get(name) {
        Some(written) if !is_one_line(&written) => {
            Err(MailSettingsError::Wrong { name, fix: "use one line of up to 150 characters" })
        }
        written => Ok(written.map(|written| written.trim().to_owned())),
    }
}

fn is_one_line(written: &str) -> bool {
    written.chars().count() <= MAX_LINE_CHARS && !written.contains(char::is_control)
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
        assert_eq!(settings.window, RequestedWindow { expires_in: 43_200, min_expires_in: 900 });
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
            ("MAIL_EXPIRES_IN", "1h", "MAIL_EXPIRES_IN is wrong: use 60 to 604800"),
            ("MAIL_EXPIRES_IN", "604801", "MAIL_EXPIRES_IN is wrong"),
            ("MAIL_MIN_EXPIRES_IN", "59", "MAIL_MIN_EXPIRES_IN is wrong"),
            ("MAIL_MIN_EXPIRES_IN", "43201", "MAIL_MIN_EXPIRES_IN is 43201, and more than"),
            ("MAIL_SUBJECT", "A {file}", "MAIL_SUBJECT is wrong: use one line"),
            ("MAIL_SUBJECT", "A\nBcc: someone@example.org", "MAIL_SUBJECT is wrong"),
            ("MAIL_FROM_NAME", "A\r\nB", "MAIL_FROM_NAME is wrong"),
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
        assert!(short.to_string().contains("the longest window that a grant gives"));
        settings.check_grants(&grants(r#"["s3-event"]"#, 900)).unwrap();
    }

    #[test]
    fn mails_bring_shares_only_where_shares_have_a_table_and_an_address() {
        let shares = |url: Option<&str>| {
            ShareSettings::read(&|name: &str| match name {
                "SHARES_TABLE" => Some("shares".to_owned()),
                "PUBLIC_URL" => url.map(str::to_owned),
                _ => None,
            })
            .unwrap()
        };
        let read = |changes: &[(&str, &str)], shares: Option<&ShareSettings>| {
            let variables: HashMap<_, _> = [
                ("MAIL_FROM", "files@example.com"),
                ("MAIL_ALLOWED_RECIPIENTS", "*@example.com"),
                ("MAIL_TABLE", "mails"),
                ("MAIL_LINK", "share"),
            ]
            .into_iter()
            .chain(changes.iter().copied())
            .collect();
            let get = |name: &str| variables.get(name).map(|value| (*value).to_owned());
            MailSettings::read(&get, None, shares).map(Option::unwrap)
        };
        let whole = shares(Some("https://files.example.com"));
        let settings = read(&[], whole.as_ref()).unwrap();
        assert_eq!(settings.window, RequestedWindow { expires_in: 604_800, min_expires_in: 900 });
        let year = read(&[("MAIL_EXPIRES_IN", "31536000")], whole.as_ref()).unwrap();
        assert_eq!(year.window.expires_in, 31_536_000);
        let sentence = |changes: &[(&str, &str)], shares: Option<&ShareSettings>| {
            read(changes, shares).unwrap_err().to_string()
        };
        assert!(sentence(&[], None).starts_with("SHARES_TABLE is not set"));
        assert!(sentence(&[], shares(None).as_ref()).starts_with("PUBLIC_URL is not set"));
        let longer = sentence(&[("MAIL_EXPIRES_IN", "31536001")], whole.as_ref());
        assert!(longer.contains("use 60 to 31536000"), "{longer}");
        assert!(sentence(&[("MAIL_LINK", "both")], whole.as_ref()).contains("use direct"));

        let none = settings.check_grants(&grants(r#"["s3-event"]"#, 604_800)).unwrap_err();
        assert!(none.to_string().contains("no grant with the action \"share\""), "{none}");
        let share = |max: u64| {
            Grants::parse(&format!(
                r#"[{{"bucket":"files","prefix":"","principals":["s3-event"],
                      "actions":["share"],"max_share_expires_in":{max}}}]"#
            ))
            .unwrap()
        };
        settings.check_grants(&share(900)).unwrap();
        let short = settings.check_grants(&share(899)).unwrap_err();
        assert!(short.to_string().contains("\"s3-event\" is 899 s"), "{short}");
    }

    #[test]
    fn mailing_and_an_assumed_session_exclude_one_another() {
        let get = |name: &str| (name == "MAIL_FROM").then(|| "files@example.com".to_owned());
        let assumed = Some(Timestamp::UNIX_EPOCH);
        let error = MailSettings::read(&get, assumed, None).unwrap_err();
        assert!(matches!(error, MailSettingsError::Assumed));
    }

    #[test]
    fn placeholders_in_a_file_s_name_are_not_replaced() {
        let subject = SubjectPattern::parse("{name} of {size}").unwrap();
        assert_eq!(subject.filled("{size}{name}", "1 byte"), "{size}{name} of 1 byte");
    }
}
