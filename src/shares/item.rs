//! A share as an item of DynamoDB's table. docs/reference.md has the list of attributes.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use link_rules::access::{Claim, Claims, IamCaller, Principal};
use link_rules::response_headers::ResponseHeaders;

use super::ShareError;
use super::attempts::Attempts;
use super::passcode::PasscodeHash;
use super::sender::SenderName;
use super::share::{OWNER_KEY_OF_MAILS, PressProblem, Share, Summary, forget_at};
use super::token::ShareId;

/// An item as the SDK has it.
pub(super) type Item = HashMap<String, AttributeValue>;

/// The kinds of owners.
const IAM: &str = "iam";
const TOKEN: &str = "token";
const S3_EVENT: &str = "s3-event";

/// The whole item of a share that was just made.
///
/// # Errors
///
/// [`ShareError::Internal`] for a share that nobody owns.
pub(super) fn item(share: &Share) -> Result<Item, ShareError> {
    let Share { summary, owner, region, response_headers, passcode, presses } = share;
    let kind = match owner {
        Principal::Iam(_) => IAM,
        Principal::Authorized { .. } => TOKEN,
        Principal::S3Event => S3_EVENT,
        Principal::Anonymous => {
            return Err(ShareError::Internal("nobody owns this share".to_owned()));
        }
    };
    let (owner_name_in_table, identity) = match owner {
        Principal::Iam(caller) => (caller.arn(), caller.identity()),
        owner => (owner.name(), None),
    };
    let from = summary.from.as_ref().map(SenderName::as_str);
    let presses = presses.iter().map(|(digest, until)| (digest.clone(), instant(*until)));
    let ResponseHeaders { content_disposition, content_type } = response_headers;
    let mut item = Item::from([
        ("id".to_owned(), text(summary.id.as_str())),
        ("owner_key".to_owned(), text(&summary.owner_key)),
        ("owner_kind".to_owned(), text(kind)),
        ("owner".to_owned(), text(owner_name_in_table)),
        // Earlier versions, which may run for as long as an update takes, need this one. It may be empty.
        ("owner_name".to_owned(), text(from.unwrap_or_default())),
        ("bucket".to_owned(), text(&summary.bucket)),
        ("key".to_owned(), text(&summary.key)),
        ("region".to_owned(), text(region)),
        ("name".to_owned(), text(&summary.name)),
        ("content_disposition".to_owned(), text(content_disposition)),
        ("created_at".to_owned(), instant(summary.created_at)),
        ("expires_at".to_owned(), instant(summary.expires_at)),
        ("forget_at".to_owned(), instant(forget_at(summary.expires_at))),
        ("downloads".to_owned(), number(summary.downloads)),
        ("presses".to_owned(), AttributeValue::M(presses.collect())),
    ]);
    let mut optional = |name: &str, value: Option<AttributeValue>| {
        item.extend(value.map(|value| (name.to_owned(), value)));
    };
    optional("owner_identity", identity.map(text));
    optional("owner_claims", claims_of(owner));
    optional("version_id", summary.version_id.as_deref().map(text));
    optional("content_type", content_type.as_deref().map(text));
    optional("size", summary.size.map(number));
    optional("max_downloads", summary.max_downloads.map(number));
    optional("recipient", summary.recipient.as_deref().map(text));
    optional("note", summary.note.as_deref().map(text));
    optional("from", from.map(text));
    optional("message", summary.message.as_deref().map(text));
    if let Some(passcode) = passcode {
        optional("passcode_hash", Some(text(passcode.as_str())));
        optional("has_passcode", Some(AttributeValue::Bool(true)));
    }
    Ok(item)
}

/// The share of a whole item.
///
/// # Errors
///
/// [`ShareError::Internal`] when an attribute is missing or of another type.
pub(super) fn share(item: &Item) -> Result<Share, ShareError> {
    let kind = read_text(item, "owner_kind")?;
    let name = read_text(item, "owner")?;
    let owner = match kind.as_str() {
        IAM => {
            let identity = optional_text(item, "owner_identity");
            Principal::Iam(IamCaller::new(&name, identity.as_deref()))
        }
        TOKEN => Principal::Authorized { name, claims: read_claims(item) },
        S3_EVENT => Principal::S3Event,
        _ => return Err(unreadable("owner_kind")),
    };
    let presses = item.get("presses").and_then(|presses| presses.as_m().ok());
    let press =
        |(digest, until): (&String, &AttributeValue)| Some((digest.clone(), timestamp(until)?));
    Ok(Share {
        owner,
        region: read_text(item, "region")?,
        response_headers: ResponseHeaders {
            content_disposition: read_text(item, "content_disposition")?,
            content_type: optional_text(item, "content_type"),
        },
        passcode: optional_text(item, "passcode_hash").map(PasscodeHash::stored),
        presses: presses.into_iter().flatten().filter_map(press).collect::<BTreeMap<_, _>>(),
        summary: whole_summary(item)?,
    })
}

/// What an owner sees of a whole item, in which nothing is missing that the index lacks.
///
/// # Errors
///
/// As for [`share`].
pub(super) fn whole_summary(item: &Item) -> Result<Summary, ShareError> {
    let mut summary = summary(item)?;
    summary.attempts.guesses.get_or_insert(0);
    Ok(summary)
}

/// What the index by owner projects of an item.
///
/// # Errors
///
/// As for [`share`].
pub(super) fn summary(item: &Item) -> Result<Summary, ShareError> {
    let read_instant = |name| optional_instant(item, name).ok_or_else(|| unreadable(name));
    let owner_key = read_text(item, "owner_key")?;
    // Earlier versions wrote a caller's id into `owner_name`. Of a mail's share it is the sender's name.
    let owner_name =
        || optional_text(item, "owner_name").filter(|_| owner_key == OWNER_KEY_OF_MAILS);
    Ok(Summary {
        id: ShareId::parse(&read_text(item, "id")?).ok_or_else(|| unreadable("id"))?,
        from: optional_text(item, "from").or_else(owner_name).map(SenderName::checked),
        message: optional_text(item, "message"),
        press_problem: press_problem(item),
        owner_key,
        bucket: read_text(item, "bucket")?,
        key: read_text(item, "key")?,
        version_id: optional_text(item, "version_id"),
        name: read_text(item, "name")?,
        size: optional_number(item, "size"),
        created_at: read_instant("created_at")?,
        expires_at: read_instant("expires_at")?,
        max_downloads: optional_number(item, "max_downloads"),
        downloads: optional_number(item, "downloads").ok_or_else(|| unreadable("downloads"))?,
        last_download_at: optional_instant(item, "last_download_at"),
        has_passcode: item.contains_key("has_passcode"),
        attempts: Attempts {
            counted: optional_number(item, "attempts").unwrap_or(0),
            last_at: optional_instant(item, "last_attempt_at"),
            in_flight: optional_number(item, "in_flight").unwrap_or(0),
            in_flight_until: optional_instant(item, "in_flight_until"),
            guesses: optional_number(item, "guesses"),
            max_guesses: optional_number(item, "max_guesses"),
            last_wrong_at: optional_instant(item, "last_guess_at"),
        },
        revoked_at: optional_instant(item, "revoked_at"),
        recipient: optional_text(item, "recipient"),
        note: optional_text(item, "note"),
    })
}

fn press_problem(item: &Item) -> Option<PressProblem> {
    let code = optional_text(item, "press_problem")?;
    Some(PressProblem { code, since: optional_instant(item, "press_problem_since")? })
}

pub(super) fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

pub(super) fn number(value: u64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// An instant in whole seconds since 1970.
pub(super) fn instant(instant: Timestamp) -> AttributeValue {
    AttributeValue::N(instant.as_second().to_string())
}

fn unreadable(name: &str) -> ShareError {
    ShareError::Internal(format!(
        "an item of the table in SHARES_TABLE has no {name} as it must be"
    ))
}

fn read_text(item: &Item, name: &str) -> Result<String, ShareError> {
    optional_text(item, name).ok_or_else(|| unreadable(name))
}

pub(super) fn optional_text(item: &Item, name: &str) -> Option<String> {
    item.get(name)?.as_s().ok().cloned()
}

/// A number that is not negative. What is below 0 counts as 0.
fn optional_number(item: &Item, name: &str) -> Option<u64> {
    let number: i64 = item.get(name)?.as_n().ok()?.parse().ok()?;
    Some(number.max(0).unsigned_abs())
}

pub(super) fn optional_instant(item: &Item, name: &str) -> Option<Timestamp> {
    timestamp(item.get(name)?)
}

fn timestamp(value: &AttributeValue) -> Option<Timestamp> {
    Timestamp::from_second(value.as_n().ok()?.parse().ok()?).ok()
}

/// The claims of an owner: a text for a claim that is one, a list for a list, and a map with both
/// where the gateway does not say which it is.
fn claims_of(owner: &Principal) -> Option<AttributeValue> {
    let Principal::Authorized { claims, .. } = owner else { return None };
    let list =
        |entries: &[String]| AttributeValue::L(entries.iter().map(|entry| text(entry)).collect());
    let claims: HashMap<_, _> = claims
        .iter()
        .map(|(name, claim)| {
            let value = match claim {
                Claim::Text(value) => text(value),
                Claim::List(entries) => list(entries),
                Claim::TextOrList { text: whole, entries } => AttributeValue::M(HashMap::from([
                    ("text".to_owned(), text(whole)),
                    ("entries".to_owned(), list(entries)),
                ])),
            };
            (name.to_owned(), value)
        })
        .collect();
    (!claims.is_empty()).then_some(AttributeValue::M(claims))
}

fn read_claims(item: &Item) -> Claims {
    let list = |value: &AttributeValue| -> Option<Vec<String>> {
        value.as_l().ok()?.iter().map(|entry| entry.as_s().ok().cloned()).collect()
    };
    let claim = |(name, value): (&String, &AttributeValue)| {
        let claim = match value {
            AttributeValue::S(text) => Claim::Text(text.clone()),
            AttributeValue::L(_) => Claim::List(list(value)?),
            AttributeValue::M(both) => Claim::TextOrList {
                text: both.get("text")?.as_s().ok()?.clone(),
                entries: list(both.get("entries")?)?,
            },
            _ => return None,
        };
        Some((name.clone(), claim))
    };
    let claims = item.get("owner_claims").and_then(|claims| claims.as_m().ok());
    claims.into_iter().flatten().filter_map(claim).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shares::share::owner_key;
    use crate::shares::token::{Browser, Token};

    fn a_share(owner: Principal) -> Share {
        let at = |second| Timestamp::from_second(second).unwrap();
        let browser = Browser::random().unwrap();
        Share {
            summary: Summary {
                id: Token::random().unwrap().share_id(),
                owner_key: owner_key(&owner).unwrap(),
                bucket: "files".to_owned(),
                key: "a/ü b.pdf".to_owned(),
                version_id: Some("v1".to_owned()),
                name: "ü b.pdf".to_owned(),
                size: Some(0),
                created_at: at(1_000),
                expires_at: at(2_000),
                max_downloads: Some(5),
                downloads: 0,
                last_download_at: None,
                has_passcode: true,
                attempts: Attempts::none(),
                revoked_at: None,
                recipient: Some("bob@example.com".to_owned()),
                note: Some("for the audit".to_owned()),
                from: Some(SenderName::checked("Alice".to_owned())),
                message: Some("As we said on the phone.".to_owned()),
                press_problem: None,
            },
            owner,
            region: "eu-west-1".to_owned(),
            response_headers: ResponseHeaders::default(),
            passcode: Some(PasscodeHash::stored("a$b$c$d".to_owned())),
            presses: [(browser.digest(), at(1_600))].into_iter().collect(),
        }
    }

    #[test]
    fn a_share_is_read_as_it_was_written_whoever_owns_it() {
        let claims = [
            ("tenant".to_owned(), Claim::Text("acme".to_owned())),
            ("groups".to_owned(), Claim::List(vec!["a".to_owned(), "b".to_owned()])),
            (
                "roles".to_owned(),
                Claim::TextOrList { text: "[a b]".to_owned(), entries: vec!["a".to_owned()] },
            ),
        ];
        for owner in [
            Principal::Iam("arn:aws:iam::123456789012:user/alice".into()),
            Principal::Iam(IamCaller::new(
                "arn:aws:sts::123456789012:assumed-role/users/CognitoIdentityCredentials",
                Some("eu-west-1:5b3b7c3c"),
            )),
            Principal::Authorized {
                name: "alice".to_owned(),
                claims: claims.into_iter().collect(),
            },
            Principal::Authorized { name: "alice".to_owned(), claims: Claims::default() },
            Principal::S3Event,
        ] {
            let share = a_share(owner);
            assert_eq!(super::share(&item(&share).unwrap()), Ok(share));
        }
    }

    #[test]
    fn an_item_that_lacks_something_is_no_share() {
        let whole = item(&a_share(Principal::S3Event)).unwrap();
        for name in ["id", "owner_kind", "expires_at", "downloads", "content_disposition"] {
            let mut item = whole.clone();
            item.remove(name);
            assert!(matches!(share(&item), Err(ShareError::Internal(why)) if why.contains(name)));
        }
    }
}
