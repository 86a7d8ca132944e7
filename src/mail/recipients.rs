//! Mail addresses, and which of them the operator allows.
//!
//! An address is one that SES can deliver to: ASCII, a plain local part, and a domain of labels
//! (international domains in their `xn--` form). Quoted local parts, comments and display names are
//! not accepted: nobody needs them here, and each could hide a second address or a header.
//!
//! A local part is often a person's name, so `Debug`, errors and log lines show only the domain.

use std::fmt;

use thiserror::Error;

use crate::access::matches_wildcard;

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

    /// The address in lower case, which all spellings of one mailbox have in common: no mail server
    /// in use tells `Alice` from `alice`.
    pub(super) fn mailbox(&self) -> String {
        self.in_full().to_ascii_lowercase()
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
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    domain.contains('.') && domain.split('.').all(is_label)
}

/// `MAIL_ALLOWED_RECIPIENTS`: patterns such as `*@example.com`. Every recipient must match one of
/// them. `*` stands for any run of characters on its side of the `@`.
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
                !local.is_empty() && domain.contains('.') && !domain.contains('@')
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

/// Why a recipient that an object names gets no mail.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(super) enum RecipientRefused {
    /// The text is not an address.
    #[error("an address {0}")]
    Malformed(#[from] AddressError),
    /// The operator does not allow the address.
    #[error("no pattern in MAIL_ALLOWED_RECIPIENTS admits an address at {domain}")]
    NotAllowed {
        /// The domain of the address.
        domain: String,
    },
}

/// Reads a list of addresses separated by commas. Returns each allowed recipient once, and what is
/// wrong with the others. One wrong address does not affect another.
pub(super) fn recipients(
    list: &str,
    allowed: &AllowedRecipients,
) -> (Vec<Address>, Vec<RecipientRefused>) {
    let mut admitted: Vec<Address> = Vec::new();
    let mut refused = Vec::new();
    for written in list.split(',').filter(|written| !written.trim().is_empty()) {
        match Address::parse(written) {
            Err(error) => refused.push(error.into()),
            Ok(address) if !allowed.admit(&address) => {
                refused.push(RecipientRefused::NotAllowed { domain: address.domain });
            }
            Ok(address) => {
                if admitted.iter().all(|known| known.mailbox() != address.mailbox()) {
                    admitted.push(address);
                }
            }
        }
    }
    (admitted, refused)
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
    fn a_pattern_without_a_domain_is_refused() {
        for patterns in ["*", "*@*", "example.com", "@example.com", "a@b@example.com", "", " , "] {
            assert!(AllowedRecipients::parse(patterns).is_err(), "{patterns:?}");
        }
    }

    #[test]
    fn a_wrong_address_does_not_affect_another_and_each_recipient_is_named_once() {
        let list = "a@example.com, nonsense,b@evil.test ,A@Example.com,,c@example.com";
        let (admitted, refused) = recipients(list, &allowed("*@example.com"));
        let admitted: Vec<_> = admitted.iter().map(Address::in_full).collect();
        assert_eq!(admitted, ["a@example.com", "c@example.com"]);
        assert_eq!(
            refused,
            [
                RecipientRefused::Malformed(AddressError::Form),
                RecipientRefused::NotAllowed { domain: "evil.test".to_owned() },
            ]
        );
    }

    #[test]
    fn debug_and_errors_hide_the_local_part() {
        let address = Address::parse("alice@example.com").unwrap();
        assert_eq!(format!("{address:?}"), "Address(…@example.com)");
        let (_, refused) = recipients("alice@evil.test,alice", &allowed("*@example.com"));
        assert!(refused.iter().all(|refused| !refused.to_string().contains("alice")));
    }
}
