//! Under which grant an upload is, and under which key.
//!
//! Where the function names keys, a key is the grant's prefix, a new UUID as a folder, and the file's
//! name made safe. So two uploads never meet, and nobody can choose what another will find.

use link_rules::access::{Action, Grant, Grants, KeysFrom, Principal, UploadRules};
use link_rules::upload::safe_name;
use uuid::Uuid;

use super::UploadError;
use super::request::{NewUpload, ProposedKey, Step, UploadRequest};
use crate::links::LinkError;

/// Where an upload goes.
#[derive(Debug)]
pub(crate) struct Placement<'a> {
    pub(crate) grant: &'a Grant,
    pub(crate) rules: &'a UploadRules,
    pub(crate) key: String,
}

/// The grant under which `principal` may make the request, and the key that it is about.
pub(super) fn find<'a>(
    principal: &Principal,
    request: &UploadRequest,
    grants: &'a Grants,
) -> Result<Placement<'a>, UploadError> {
    check_caller(principal)?;
    let bucket = request.bucket.as_deref().or_else(|| grants.only_bucket(Action::Put));
    let bucket = bucket.ok_or(LinkError::BucketNotNamed)?;
    match &request.step {
        Step::Put(new) | Step::Form(new) | Step::Create(new) => {
            let is_form = matches!(request.step, Step::Form(_));
            place(principal, bucket, new, is_form, grants)
        }
        Step::Parts { key, .. }
        | Step::Complete { key, .. }
        | Step::List { key, .. }
        | Step::Abort { key, .. } => covering(principal, bucket, key, grants).ok_or_else(|| {
            not_granted(principal, ", and send the key that the first answer named.")
        }),
    }
}

/// Where an upload to `key` goes, if it is begun or if it has begun: under this key, or where the function
/// names keys, under one that it makes in the folder that `key` lies in. The folder of the file has the nil
/// UUID then.
pub(crate) fn of_key<'a>(
    principal: &Principal,
    bucket: &str,
    key: &str,
    grants: &'a Grants,
) -> Result<Placement<'a>, UploadError> {
    check_caller(principal)?;
    let made = || {
        let mut granted = grants.for_uploads(principal, bucket);
        granted.find_map(|(grant, rules)| {
            let folder = grant.prefix.of(principal)?;
            let is_made = rules.keys == KeysFrom::Function && key.starts_with(&folder);
            let key = format!("{folder}{}/{}", Uuid::nil(), safe_name(key));
            is_made.then_some(Placement { grant, rules, key })
        })
    };
    covering(principal, bucket, key, grants)
        .or_else(made)
        .ok_or_else(|| not_granted(principal, "."))
}

/// Refuses callers who can't be told from others.
fn check_caller(principal: &Principal) -> Result<(), UploadError> {
    match principal {
        Principal::Anonymous | Principal::S3Event => Err(LinkError::Unauthenticated.into()),
        Principal::Iam(caller) => match caller.crowd() {
            Some(crowd) => Err(LinkError::OneOfMany(crowd).into()),
            None => Ok(()),
        },
        Principal::Authorized { .. } => Ok(()),
    }
}

/// Where a new object goes.
fn place<'a>(
    principal: &Principal,
    bucket: &str,
    new: &NewUpload,
    is_form: bool,
    grants: &'a Grants,
) -> Result<Placement<'a>, UploadError> {
    let name = match &new.key {
        ProposedKey::Exactly(_) if is_form => {
            let problem = "key: forms have keys that the function makes; send \"name\" instead";
            return Err(UploadError::Field(problem.to_owned()));
        }
        ProposedKey::Exactly(key) => {
            let hint = " and \"keys\": \"caller\", or send \"name\" instead of \"key\".";
            return callers(principal, bucket, key, grants)
                .ok_or_else(|| not_granted(principal, hint));
        }
        ProposedKey::Preferably { key, name } => {
            let granted = callers(principal, bucket, key, grants).filter(|_| !is_form);
            if let Some(placement) = granted {
                return Ok(placement);
            }
            name
        }
        ProposedKey::Named(name) => name,
    };
    let folders: Vec<_> = grants
        .for_uploads(principal, bucket)
        .filter(|(_, rules)| rules.keys == KeysFrom::Function)
        .filter_map(|(grant, rules)| Some((grant, rules, grant.prefix.of(principal)?)))
        .filter(|(.., folder)| new.prefix.as_ref().is_none_or(|wanted| wanted == folder))
        .collect();
    match &folders[..] {
        [] => Err(not_granted(principal, ".")),
        [(grant, rules, folder)] => {
            let key = format!("{folder}{}/{}", Uuid::new_v4(), safe_name(name));
            Ok(Placement { grant, rules, key })
        }
        several => {
            let folders: Vec<_> =
                several.iter().map(|(.., folder)| format!("{folder:?}")).collect();
            Err(UploadError::Field(format!(
                "prefix: the grants give several folders, so say which one is meant: {}",
                folders.join(", ")
            )))
        }
    }
}

/// The grant that lets `principal` name this key.
fn callers<'a>(
    principal: &Principal,
    bucket: &str,
    key: &str,
    grants: &'a Grants,
) -> Option<Placement<'a>> {
    let mut granted = grants.for_uploads(principal, bucket);
    let (grant, rules) = granted
        .find(|(grant, rules)| rules.keys == KeysFrom::Caller && grant.covers(principal, key))?;
    Some(Placement { grant, rules, key: key.to_owned() })
}

/// The grant under which an upload to this key may have begun.
fn covering<'a>(
    principal: &Principal,
    bucket: &str,
    key: &str,
    grants: &'a Grants,
) -> Option<Placement<'a>> {
    let has_our_form = |grant: &Grant| {
        let folder = grant.prefix.of(principal)?;
        let (folder, name) = key.strip_prefix(&folder)?.split_once('/')?;
        let is_uuid =
            folder.len() == uuid::fmt::Hyphenated::LENGTH && Uuid::try_parse(folder).is_ok();
        (is_uuid && safe_name(name) == name).then_some(())
    };
    let mut granted = grants.for_uploads(principal, bucket);
    callers(principal, bucket, key, grants).or_else(|| {
        let (grant, rules) = granted.find(|(grant, rules)| {
            rules.keys == KeysFrom::Function && has_our_form(grant).is_some()
        })?;
        Some(Placement { grant, rules, key: key.to_owned() })
    })
}

fn not_granted(principal: &Principal, hint: &'static str) -> UploadError {
    UploadError::NotGranted { principal: LinkError::shown_name(principal), hint }
}

#[cfg(test)]
mod tests {
    use link_rules::access::{Claims, IamCaller};
    use link_rules::window::RequestedWindow;

    use super::*;

    fn alice() -> Principal {
        Principal::Authorized { name: "alice".to_owned(), claims: Claims::default() }
    }

    fn grants(entries: &[&str]) -> Grants {
        let entries: Vec<_> = entries
            .iter()
            .map(|fields| {
                format!(
                    r#"{{"bucket":"files","principals":["*"],"actions":["put"],"max_size":9,{fields}}}"#
                )
            })
            .collect();
        Grants::parse(&format!("[{}]", entries.join(","))).unwrap()
    }

    fn request(step: Step) -> UploadRequest {
        let window = RequestedWindow { expires_in: 60, min_expires_in: 1 };
        UploadRequest { bucket: None, step, window }
    }

    fn new(key: ProposedKey) -> NewUpload {
        let content_type = "a/b".to_owned();
        NewUpload { key, prefix: None, size: Some(1), content_type, headers: Vec::new() }
    }

    fn named(name: &str) -> UploadRequest {
        request(Step::Put(new(ProposedKey::Named(name.to_owned()))))
    }

    fn key(
        principal: &Principal,
        request: &UploadRequest,
        grants: &Grants,
    ) -> Result<String, String> {
        find(principal, request, grants).map(|placed| placed.key).map_err(|error| error.to_string())
    }

    fn abort(key: &str) -> UploadRequest {
        request(Step::Abort { key: key.to_owned(), upload_id: "u".to_owned() })
    }

    #[test]
    fn the_function_names_a_new_folder_in_the_caller_s_own() {
        let grants = grants(&[r#""prefix":"users/{principal}/""#]);
        let one = key(&alice(), &named("../a b.pdf"), &grants).unwrap();
        let other = key(&alice(), &named("../a b.pdf"), &grants).unwrap();
        assert!(one.starts_with("users/alice/") && one.ends_with("/a-b.pdf"), "{one}");
        assert_ne!(one, other);
        assert_eq!(one.split('/').count(), 4);
        assert!(key(&alice(), &abort(&one), &grants).is_ok());
        for other in [
            "users/alice/a-b.pdf",
            "users/alice/x/a-b.pdf",
            "users/bob/5b3b7c3c-6d4b-4c3c-8b7a-1a2b3c4d5e6f/a.pdf",
            "users/alice/5b3b7c3c-6d4b-4c3c-8b7a-1a2b3c4d5e6f/b/a.pdf",
            "users/alice/5b3b7c3c-6d4b-4c3c-8b7a-1a2b3c4d5e6f/",
            "users/alice/5b3b7c3c6d4b4c3c8b7a1a2b3c4d5e6f/a.pdf",
        ] {
            assert!(key(&alice(), &abort(other), &grants).is_err(), "{other}");
        }
    }

    #[test]
    fn a_caller_names_keys_only_where_the_grant_says_so() {
        let own = grants(&[r#""prefix":"in/""#]);
        let exactly = request(Step::Put(new(ProposedKey::Exactly("in/a.pdf".to_owned()))));
        let error = key(&alice(), &exactly, &own).unwrap_err();
        assert!(error.ends_with("send \"name\" instead of \"key\"."), "{error}");
        let callers = grants(&[r#""prefix":"in/","keys":"caller""#]);
        assert_eq!(key(&alice(), &exactly, &callers).as_deref(), Ok("in/a.pdf"));
        let outside = request(Step::Put(new(ProposedKey::Exactly("out/a.pdf".to_owned()))));
        assert!(key(&alice(), &outside, &callers).is_err());
        let (preferred, name) = ("in/a.pdf".to_owned(), "b.pdf".to_owned());
        let preferably = ProposedKey::Preferably { key: preferred, name };
        let preferably = request(Step::Create(new(preferably)));
        assert_eq!(key(&alice(), &preferably, &callers).as_deref(), Ok("in/a.pdf"));
        assert!(key(&alice(), &preferably, &own).unwrap().ends_with("/b.pdf"));
    }

    #[test]
    fn a_form_never_has_a_caller_s_key() {
        let grants =
            grants(&[r#""prefix":"in/","keys":"caller""#, r#""prefix":"made/","forms":true"#]);
        let form = |key| request(Step::Form(new(key)));
        let exactly = form(ProposedKey::Exactly("in/a".to_owned()));
        let error = key(&alice(), &exactly, &grants).unwrap_err();
        assert!(error.starts_with("key: forms have keys that the function makes"), "{error}");
        let preferably = ProposedKey::Preferably { key: "in/a".to_owned(), name: "a".to_owned() };
        assert!(key(&alice(), &form(preferably), &grants).unwrap().starts_with("made/"));
    }

    #[test]
    fn of_several_folders_the_caller_names_one() {
        let grants = grants(&[r#""prefix":"a/""#, r#""prefix":"{principal}/""#]);
        let error = key(&alice(), &named("x"), &grants).unwrap_err();
        assert_eq!(
            error,
            "prefix: the grants give several folders, so say which one is meant: \"a/\", \"alice/\""
        );
        let of = |prefix: &str| {
            let named = new(ProposedKey::Named("x".to_owned()));
            let new = NewUpload { prefix: Some(prefix.to_owned()), ..named };
            key(&alice(), &request(Step::Put(new)), &grants)
        };
        assert!(of("alice/").unwrap().starts_with("alice/"));
        assert!(of("bob/").is_err());
    }

    #[test]
    fn a_key_that_is_asked_about_goes_where_an_upload_of_it_would() {
        let grants =
            grants(&[r#""prefix":"in/","keys":"caller""#, r#""prefix":"users/{principal}/""#]);
        let of = |key: &str| of_key(&alice(), "files", key, &grants).map(|placed| placed.key).ok();
        assert_eq!(of("in/a b.pdf").as_deref(), Some("in/a b.pdf"));
        let made = "users/alice/00000000-0000-0000-0000-000000000000/a-b.pdf";
        assert_eq!(of("users/alice/a b.pdf").as_deref(), Some(made));
        assert_eq!(of(made).as_deref(), Some(made));
        assert_eq!(of("users/bob/a.pdf"), None);
        assert_eq!(of_key(&Principal::Anonymous, "files", "in/a", &grants).ok().map(|_| ()), None);
    }

    #[test]
    fn whoever_is_nobody_or_one_of_many_uploads_nothing() {
        let grants = grants(&[r#""prefix":"in/""#]);
        let pool = "arn:aws:sts::123456789012:assumed-role/pool/CognitoIdentityCredentials";
        for principal in
            [Principal::Anonymous, Principal::S3Event, Principal::Iam(IamCaller::new(pool, None))]
        {
            assert!(key(&principal, &named("x"), &grants).is_err(), "{principal:?}");
        }
    }
}
