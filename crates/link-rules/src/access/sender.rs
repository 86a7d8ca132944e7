//! A grant's `from`: where the name comes from that recipients of a share read.
//!
//! A name is for people. It decides nothing, and nobody is authenticated by it.

use super::{Claim, Principal};

/// Where the name of whoever shares comes from, under one grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Sender {
    /// Callers write it into the field `from` of their request.
    Request,
    /// It is the value of this claim.
    Claim(String),
}

impl Sender {
    /// Reads a grant's `from`.
    ///
    /// # Errors
    ///
    /// What is wrong with it, and how to fix it.
    pub(super) fn parse(written: &str) -> Result<Self, String> {
        let claim = written.strip_prefix("{claim:").and_then(|rest| rest.strip_suffix('}'));
        match (written, claim) {
            ("request", _) => Ok(Self::Request),
            (_, Some(name)) if !name.is_empty() && !name.contains(['{', '}']) => {
                Ok(Self::Claim(name.to_owned()))
            }
            _ => Err(format!(
                "is {written:?}: use \"request\" where callers name themselves, or the name's claim, such \
                 as \"{{claim:name}}\""
            )),
        }
    }

    /// The name that the principal's claims say. `None`: there is no such claim, it is empty, or it is the
    /// principal's own name, which is an id.
    pub(super) fn in_claims<'a>(&self, principal: &'a Principal) -> Option<&'a str> {
        let Self::Claim(name) = self else { return None };
        let value = match principal.claims()?.get(name)? {
            // A gateway's list is no name. A name with a comma looks like one.
            Claim::Text(text) | Claim::TextOrList { text, .. } => text.trim(),
            Claim::List(_) => return None,
        };
        (!value.is_empty() && value != principal.name()).then_some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_source_of_a_name_is_refused_with_what_to_write() {
        for wrong in ["", "Request", "name", "{claim:}", "{claim:name", "{claim:{a}}", "*"] {
            assert!(Sender::parse(wrong).unwrap_err().contains("\"{claim:name}\""), "{wrong}");
        }
    }
}
