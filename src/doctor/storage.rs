//! Where the object is stored, and how: region, encryption, storage class, lifecycle.

use link_rules::arn::is_multi_region;
use link_rules::lifecycle::{LifecycleRule, Timing};

use super::commands::command;
use super::{Check, DoctorContext, Outcome};

/// The checks, in their order.
pub(super) fn checks(examined: &DoctorContext<'_>) -> Vec<Check> {
    let mut checks = vec![region(examined), encryption(examined), storage_class(examined)];
    checks.extend(lifecycle(examined));
    checks
}

pub(super) fn region(examined: &DoctorContext<'_>) -> Check {
    let facts = examined.facts;
    let what = examined.question.either("Links", "Uploads");
    let new = |outcome, sentence: String| Check::new("region", outcome, sentence);
    let signed = match &facts.region {
        Ok(region) => region,
        Err(why) => return new(Outcome::Unknown, why.clone()),
    };
    let is_multi_region = facts.bucket.as_ref().is_ok_and(|bucket| is_multi_region(bucket));
    match &facts.real_region {
        _ if is_multi_region => {
            let sentence = format!(
                "{what} are signed for all regions of the multi-region access point (SigV4A)."
            );
            new(Outcome::Ok, sentence)
        }
        Ok(real) if real == signed => {
            new(Outcome::Ok, format!("{what} are signed for {signed}, where the bucket is."))
        }
        Ok(real) => {
            let outcome = if facts.is_region_right() { Outcome::Ok } else { Outcome::Refuses };
            new(
                outcome,
                format!(
                    "{what} are signed for {signed}, and S3 says that the bucket is in {real}. Correct \
                     \"region\" in GRANTS, or leave it out."
                ),
            )
        }
        Err(why) => new(
            Outcome::Unknown,
            format!(
                "{what} are signed for {signed}. Whether the bucket is there is not known. {why}"
            ),
        ),
    }
}

fn encryption(examined: &DoctorContext<'_>) -> Check {
    let facts = examined.facts;
    let new = |outcome, sentence: String| Check::new("encryption", outcome, sentence);
    let default = default_encryption(examined);
    let Some((storage, _)) = facts.stored() else {
        let sentence = format!("The object was not seen. {default}");
        return new(Outcome::Unknown, sentence);
    };
    let key = storage.kms_key.as_ref().map(|key| format!(" {key}")).unwrap_or_default();
    match &storage.encryption {
        Some(algorithm) if storage.is_encrypted_with_kms() => {
            let (outcome, may) = if facts.opened() {
                (Outcome::Ok, "The signer may use it.")
            } else if facts.is_kms_to_blame() {
                (Outcome::Refuses, "It keeps links from opening: see \"object\".")
            } else {
                (Outcome::Unknown, "The signer needs kms:Decrypt on it.")
            };
            new(
                outcome,
                format!("The object is encrypted with the KMS key{key} ({algorithm}). {may}"),
            )
        }
        Some(algorithm) => new(
            Outcome::Ok,
            format!(
                "The object is encrypted with S3's own keys ({algorithm}), which takes no permission."
            ),
        ),
        None => new(Outcome::Ok, format!("S3 names no encryption of the object. {default}")),
    }
}

/// How the bucket encrypts new objects.
pub(super) fn default_encryption(examined: &DoctorContext<'_>) -> String {
    match &examined.facts.default_encryption {
        Ok(Some((algorithm, key))) => {
            let key = key.as_ref().map(|key| format!(" and the key {key}")).unwrap_or_default();
            format!("The bucket encrypts new objects with {algorithm}{key}.")
        }
        Ok(None) => "The bucket states no encryption of new objects.".to_owned(),
        Err(why) => format!("How the bucket encrypts new objects is not known. {why}"),
    }
}

fn storage_class(examined: &DoctorContext<'_>) -> Check {
    let facts = examined.facts;
    let new = |outcome, sentence: String| Check::new("storage-class", outcome, sentence);
    let Some((storage, end)) = facts.stored() else {
        return new(Outcome::Unknown, "The object was not seen.".to_owned());
    };
    let class = storage.storage_class.as_deref().unwrap_or("STANDARD");
    let tier = storage.archive_status.as_ref().map(|tier| format!(", {tier}")).unwrap_or_default();
    if !storage.is_archived() {
        return new(Outcome::Ok, format!("The object is in {class}, which links open at once."));
    }
    if let Some(until) = end.restored_until() {
        let sentence = format!(
            "The object is archived in {class}{tier}, and its restored copy goes at {until}. Links end \
             then."
        );
        return new(Outcome::Limits, sentence);
    }
    if storage.is_being_restored {
        let sentence = format!(
            "The object is archived in {class}{tier}, and is being restored. Links open when that is \
             done, which takes minutes to two days."
        );
        return new(Outcome::Refuses, sentence);
    }
    let sentence =
        format!("The object is archived in {class}{tier}. Links open once it is restored.");
    let check = new(Outcome::Refuses, sentence);
    let Ok(bucket) = &facts.bucket else { return check };
    // From a tier of Intelligent-Tiering an object is restored for good.
    let request = if storage.archive_status.is_some() { "{}" } else { "Days=7" };
    let mut words = vec!["aws", "s3api", "restore-object", "--bucket", bucket];
    words.extend(["--key", &examined.question.key]);
    if let Some(version_id) = &examined.question.version_id {
        words.extend(["--version-id", version_id]);
    }
    words.extend(["--restore-request", request]);
    check.with_commands(vec![command(&words)])
}

/// What the object itself says, and then what the rules say. One check for each finding.
fn lifecycle(examined: &DoctorContext<'_>) -> Vec<Check> {
    let facts = examined.facts;
    let version_id = examined.question.version_id.as_deref();
    let new = |outcome, sentence: String| Check::new("lifecycle", outcome, sentence);
    let mut checks = Vec::new();
    let stored = facts.stored();
    if let Some((_, end)) = stored
        && let Some(expiration) = end.expiration()
    {
        // A restored copy is no business of this check.
        let outlives = end.of(version_id).is_none_or(|first| first != expiration);
        let is_first = end.restored_until().is_none_or(|restored| expiration <= restored);
        checks.push(if outlives && is_first {
            new(
                Outcome::Ok,
                format!(
                    "A lifecycle rule expires the object at {expiration}. That hides it behind a \
                     delete marker, and a link to this version lives on."
                ),
            )
        } else {
            new(
                Outcome::Limits,
                format!("A lifecycle rule expires the object at {expiration}. Links end then."),
            )
        });
    }
    match &facts.lifecycle {
        Err(why) => checks.push(new(Outcome::Unknown, why.clone())),
        Ok(rules) => {
            for rule in &rules.rules {
                checks.extend(
                    findings(rule, stored.is_some(), version_id.is_some())
                        .map(|finding| new(Outcome::Limits, format!("{} {finding}", name(rule)))),
                );
            }
        }
    }
    if checks.is_empty() {
        let none = "No lifecycle rule of the bucket ends links to this key.";
        checks.push(new(Outcome::Ok, none.to_owned()));
    }
    checks
}

/// What a rule does to links. If the object was seen, S3 said itself when it expires.
fn findings(
    rule: &LifecycleRule,
    was_seen: bool,
    names_version: bool,
) -> impl Iterator<Item = String> + use<> {
    let expires = rule.expires.filter(|_| !was_seen && !names_version);
    let expires = expires.map(|timing| format!("expires it {}.", when(timing)));
    let archives = rule.archives.as_ref().map(|(class, timing)| {
        let when = when(*timing);
        format!(
            "moves it to {class} {when}. Links open no more from then on, until it is restored."
        )
    });
    let old = rule.old_versions_expire.filter(|_| names_version).map(|days| {
        format!(
            "deletes a version {days} days after it was replaced or deleted. Links to it end then."
        )
    });
    let old_archived = rule.old_versions_archive.filter(|_| names_version).map(|days| {
        format!(
            "moves a version to an archive {days} days after it was replaced or deleted. Links to it \
             open no more from then on, until it is restored."
        )
    });
    [expires, archives, old, old_archived].into_iter().flatten()
}

pub(super) fn name(rule: &LifecycleRule) -> String {
    let id = rule.id.as_ref().map(|id| format!(" {id:?}")).unwrap_or_default();
    let may =
        if rule.looks_beyond_the_key() { ", if the object's tags and size match," } else { "" };
    format!("The lifecycle rule{id}{may}")
}

fn when(timing: Timing) -> String {
    match timing {
        Timing::Days(days) => format!("{days} days after it was made"),
        Timing::At(instant) => format!("at {instant}"),
    }
}
