//! Mail addresses, and which of them the operator allows.
//!
//! An address is one that SES can deliver to: ASCII, a plain local part, and a domain of labels
//! (international domains in their `xn--` form). Quoted local parts and comments are not accepted: nobody
//! needs them here, and each could hide a second address or a header. Lists are read by [`lists`](super::lists),
//! which takes names away.
//!
//! A local part is often a person's name, so `Debug`, errors and log lines show only the domain.

use std::collections::HashSet;
use std::fmt;

use thiserror::Error;

use link_rules::access::matches_wildcard;

use super::lists::{addresses, without_name};

/// The longest address that mail servers accept, in bytes.
///
/// Source: RFC 5321, section 4.5.3.1.3, without the angle brackets.
const MAX_ADDRESS_BYTES: usize = 254;

/// A well-formed mail address.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Address {
    local: String,
    domain: String,
}

/// What is wrong with an address. The message does not repeat the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum AddressError {
    /// The local part or the domain is missing or not of the accepted form.
    #[error("is not of the form name@example.com")]
    Form,
    /// The address is not ASCII. SES does not support SMTPUTF8.
    #[error("has characters beyond ASCII, which SES does not take; write the domain as xn--…")]
    NotAscii,
    /// The address is longer than mail servers accept.
    #[error("is longer than {MAX_ADDRESS_BYTES} bytes")]
    TooLong,
    /// The local part has `%` or `!`. Old mail servers read it as a route to an address at another
    /// domain (`user%other.example@example.com`), which no pattern has allowed.
    #[error("has % or ! in its local part, which old mail servers read as a route to elsewhere")]
    SourceRoute,
}

impl Address {
    /// Reads one address. White space around it is ignored.
    ///
    /// # Errors
    ///
    /// [`AddressError`].
    pub(super) fn parse(written: &str) -> Result<Self, AddressError> {
        let written = written.trim();
        if !written.is_ascii() {
            return Err(AddressError::NotAscii);
        }
        if written.len() > MAX_ADDRESS_BYTES {
            return Err(AddressError::TooLong);
        }
        let (local, domain) = written.split_once('@').ok_or(AddressError::Form)?;
        if !(is_local_part(local) && is_domain(domain)) {
            return Err(AddressError::Form);
        }
        if local.contains(['%', '!']) {
            return Err(AddressError::SourceRoute);
        }
        Ok(Self { local: local.to_owned(), domain: domain.to_ascii_lowercase() })
    }

    /// The part after the `@`, in lower case. Only this part of an address may be logged.
    pub(super) fn domain(&self) -> &str {
        &self.domain
    }

    /// The whole address, for SES, the mail and the ledger.
    pub(super) fn in_full(&self) -> String {
        format!("{}@{}", self.local, self.domain)
    }

    /// What all spellings of one mailbox have in common: the address in lower case and without a
    /// sub-address. No mail server in use tells `Alice` from `alice`, and most deliver
    /// `alice+anything` to `alice` (RFC 5233).
    pub(super) fn mailbox(&self) -> String {
        let name = match self.local.split_once('+') {
            Some((name, _)) if !name.is_empty() => name,
            _ => &self.local,
        };
        format!("{}@{}", name.to_ascii_lowercase(), self.domain)
    }
}

/// Shows the domain and hides the local part.
impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address(…@{})", self.domain)
    }
}

/// RFC 5321's `Dot-string`, at most 64 bytes.
fn is_local_part(local: &str) -> bool {
    let atext = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c);
    (1..=64).contains(&local.len())
        && local.split('.').all(|atom| !atom.is_empty() && atom.chars().all(atext))
}

/// Two labels or more.
fn is_domain(domain: &str) -> bool {
    domain.contains('.') && domain.split('.').all(is_label)
}

fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

/// Whether the domain of a pattern ends in two labels or more that have no `*`. One that does not
/// would admit a whole top-level domain, or everybody. Which domains belong to one owner (`co.uk`
/// does not) is not known here.
fn is_domain_pattern(domain: &str) -> bool {
    let mut labels = domain.rsplit('.');
    let mut next_is_label = || labels.next().is_some_and(is_label);
    next_is_label() && next_is_label()
}

/// `MAIL_ALLOWED_RECIPIENTS`: patterns such as `*@example.com`. Every recipient must match one of
/// them, as it is written. `*` stands for any run of characters on its side of the `@`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AllowedRecipients(Vec<(String, String)>);

impl AllowedRecipients {
    /// Reads patterns separated by commas.
    ///
    /// # Errors
    ///
    /// The text that is not a pattern.
    pub(super) fn parse(written: &str) -> Result<Self, String> {
        let patterns = written.split(',').map(str::trim).filter(|pattern| !pattern.is_empty());
        let patterns = patterns.map(|pattern| {
            let lower = pattern.to_ascii_lowercase();
            let sides = lower.split_once('@').filter(|(local, domain)| {
                !local.is_empty() && !domain.contains('@') && is_domain_pattern(domain)
            });
            let (local, domain) = sides.ok_or_else(|| pattern.to_owned())?;
            Ok((local.to_owned(), domain.to_owned()))
        });
        let patterns: Vec<_> = patterns.collect::<Result<_, String>>()?;
        if patterns.is_empty() {
            return Err(written.to_owned());
        }
        Ok(Self(patterns))
    }

    /// Whether mail may go to `address`.
    pub(super) fn admit(&self, address: &Address) -> bool {
        let local = address.local.to_ascii_lowercase();
        self.0.iter().any(|(local_pattern, domain_pattern)| {
            matches_wildcard(local_pattern, &local)
                && matches_wildcard(domain_pattern, &address.domain)
        })
    }
}

/// The recipients that an object names.
#[derive(Debug, Default)]
pub(super) struct Named {
    /// How many mailboxes the well-formed addresses name, whether they are allowed or not.
    pub(super) mailboxes: usize,
    /// The allowed recipients in the order of the list. Of several addresses of one mailbox, the
    /// first allowed one.
    pub(super) admitted: Vec<Address>,
    /// The others.
    pub(super) refused: RefusedRecipients,
}

/// How many of an object's recipients get no mail, and why. Its text is short however many they
/// are, and holds no local part.
#[derive(Debug, Default)]
pub(super) struct RefusedRecipients {
    /// What is wrong with those that are no addresses, and how often it is.
    malformed: Vec<(AddressError, u64)>,
    /// How many addresses no pattern admits.
    not_allowed: u64,
    /// The first of their domains, each once.
    domains: Vec<String>,
    /// Whether they have other domains too.
    more_domains: bool,
}

/// How many domains of refused recipients are named.
const MAX_NAMED_DOMAINS: usize = 3;

impl RefusedRecipients {
    /// How many recipients are refused.
    pub(super) fn count(&self) -> u64 {
        self.malformed.iter().map(|(_, count)| count).sum::<u64>() + self.not_allowed
    }

    fn add_malformed(&mut self, error: AddressError) {
        match self.malformed.iter_mut().find(|(known, _)| *known == error) {
            Some((_, count)) => *count += 1,
            None => self.malformed.push((error, 1)),
        }
    }

    fn add_not_allowed(&mut self, domain: String) {
        self.not_allowed += 1;
        if self.domains.contains(&domain) {
            return;
        }
        if self.domains.len() < MAX_NAMED_DOMAINS {
            self.domains.push(domain);
        } else {
            self.more_domains = true;
        }
    }
}

/// Says each reason, and how many recipients are refused for it.
impl fmt::Display for RefusedRecipients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut reasons = Vec::new();
        if self.not_allowed > 0 {
            reasons.push(format!(
                "no pattern in MAIL_ALLOWED_RECIPIENTS admits an address at {}{}: {}",
                self.domains.join(", "),
                if self.more_domains { " and other domains" } else { "" },
                self.not_allowed,
            ));
        }
        let malformed = self.malformed.iter();
        reasons.extend(malformed.map(|(error, count)| format!("an address {error}: {count}")));
        f.write_str(&reasons.join("; "))
    }
}

/// Reads a list of addresses. One wrong address does not affect another.
pub(super) fn named(list: &str, allowed: &AllowedRecipients) -> Named {
    let mut named = Named::default();
    let (mut mailboxes, mut admitted) = (HashSet::new(), HashSet::new());
    for written in addresses(list) {
        let address = match Address::parse(without_name(written)) {
            Ok(address) => address,
            Err(error) => {
                named.refused.add_malformed(error);
                continue;
            }
        };
        mailboxes.insert(address.mailbox());
        if !allowed.admit(&address) {
            named.refused.add_not_allowed(address.domain);
        } else if admitted.insert(address.mailbox()) {
            named.admitted.push(address);
        }
    }
    named.mailboxes = mailboxes.len();
    named
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(patterns: &str) -> AllowedRecipients {
        AllowedRecipients::parse(patterns).unwrap()
    }

    fn admits(patterns: &str, address: &str) -> bool {
        allowed(patterns).admit(&Address::parse(address).unwrap())
    }

    #[test]
    fn only_addresses_that_ses_can_deliver_to_are_accepted() {
        for address in
            ["a@example.com", "first.last+tag@sub.example.co.uk", "o'hara@xn--bcher-kva.example"]
        {
            assert_eq!(Address::parse(address).unwrap().in_full(), address);
        }
        for address in [
            "",
            "a",
            "@example.com",
            "a@",
            "a@localhost",
            "a@example.com@example.com",
            "a b@example.com",
            ".a@example.com",
            "a..b@example.com",
            "\"a\"@example.com",
            "Alice <a@example.com>",
            "a@-example.com",
            "a@example..com",
            "a@[127.0.0.1]",
            "a\r\nBcc: b@example.com",
            "a@example.com\nBcc: b@example.com",
            "a@example.com>,<b@example.com",
            "ä@example.com",
            "a@ex\u{202e}ample.com",
            "a\u{0}@example.com",
        ] {
            assert!(Address::parse(address).is_err(), "{address:?}");
        }
        assert!(Address::parse(&format!("a@{}.com", "x".repeat(260))).is_err());
    }

    #[test]
    fn every_recipient_must_match_a_pattern() {
        assert!(admits("*@example.com", "anyone@example.com"));
        assert!(admits("*@example.com", "Anyone@EXAMPLE.com"));
        assert!(admits("alice@example.com, *@example.org", "x@example.org"));
        assert!(admits("*@*.example.com", "a@team.example.com"));
        assert!(!admits("*@example.com", "a@example.com.evil.test"));
        assert!(!admits("*@example.com", "a@notexample.com"));
        assert!(!admits("*@*.example.com", "a@example.com"));
        assert!(!admits("alice@example.com", "malice@example.com"));
    }

    #[test]
    fn a_pattern_whose_domain_does_not_end_in_two_whole_labels_is_refused() {
        for patterns in [
            "*",
            "*@*",
            "*@*.*",
            "*@*.com",
            "*@com",
            "*@.com",
            "*@ex*.com",
            "*@*example.com",
            "*@example.*",
            "*@example.c*",
            "*@*.*.com",
            "*@example.com.",
            "*@exam ple.com",
            "*@example.com,*@*.*",
            "example.com",
            "@example.com",
            "a@b@example.com",
            "",
            " , ",
        ] {
            assert!(AllowedRecipients::parse(patterns).is_err(), "{patterns:?}");
        }
        for patterns in ["*@example.com", "*@*.example.com", "*@team*.example.com", "a@co.uk"] {
            assert!(AllowedRecipients::parse(patterns).is_ok(), "{patterns:?}");
        }
    }

    #[test]
    fn a_source_route_is_no_recipient() {
        for address in ["user%evil.test@example.com", "evil.test!user@example.com", "%@example.com"]
        {
            assert_eq!(Address::parse(address), Err(AddressError::SourceRoute), "{address}");
        }
    }

    #[test]
    fn a_sub_address_belongs_to_its_mailbox() {
        for (address, mailbox) in [
            ("Alice@Example.com", "alice@example.com"),
            ("alice+x@example.com", "alice@example.com"),
            ("alice+x+y@example.com", "alice@example.com"),
            ("alice+@example.com", "alice@example.com"),
            ("+alice@example.com", "+alice@example.com"),
            ("a.lice@example.com", "a.lice@example.com"),
        ] {
            assert_eq!(Address::parse(address).unwrap().mailbox(), mailbox);
        }
    }

    fn admitted(named: &Named) -> Vec<String> {
        named.admitted.iter().map(Address::in_full).collect()
    }

    #[test]
    fn a_wrong_address_does_not_affect_another_and_each_recipient_is_named_once() {
        let list = "a@example.com, nonsense,b@evil.test ,A@Example.com,,c@example.com";
        let named = named(list, &allowed("*@example.com"));
        assert_eq!(admitted(&named), ["a@example.com", "c@example.com"]);
        assert_eq!((named.mailboxes, named.refused.count()), (3, 2));
        assert_eq!(
            named.refused.to_string(),
            "no pattern in MAIL_ALLOWED_RECIPIENTS admits an address at evil.test: 1; an address \
             is not of the form name@example.com: 1"
        );
    }

    #[test]
    fn the_first_allowed_sub_address_of_a_mailbox_is_the_recipient() {
        let list = "a+1@example.com,a@example.com,A+2@example.com";
        let any = named(list, &allowed("*@example.com"));
        assert_eq!((admitted(&any), any.mailboxes), (vec!["a+1@example.com".to_owned()], 1));
        let bare = named(list, &allowed("a@example.com"));
        assert_eq!((admitted(&bare), bare.mailboxes), (vec!["a@example.com".to_owned()], 1));
    }

    #[test]
    fn the_text_about_refused_recipients_is_short_however_many_they_are() {
        let long = format!("{}.test", ["x".repeat(60), "y".repeat(60), "z".repeat(60)].join("."));
        let many: Vec<_> =
            (0..5_000).map(|n| format!("alice@{n}.{long},a,ä@b.c,a!b@c.d")).collect();
        let refused = named(&many.join(","), &allowed("*@example.com")).refused;
        assert_eq!(refused.count(), 20_000);
        let text = refused.to_string();
        assert!(text.len() < 1_200, "{}", text.len());
        assert!(text.contains("admits an address at 0.xxx"), "{text}");
        assert!(text.contains(" and other domains: 5000; an address is not of the"), "{text}");
    }

    #[test]
    fn debug_and_errors_hide_the_local_part() {
        let address = Address::parse("alice@example.com").unwrap();
        assert_eq!(format!("{address:?}"), "Address(…@example.com)");
        let named = named("alice@evil.test,alice,alice!@evil.test", &allowed("*@example.com"));
        assert_eq!(named.refused.count(), 3);
        assert!(!named.refused.to_string().contains("alice"));
        assert!(!format!("{named:?}").contains("alice"));
    }
}
