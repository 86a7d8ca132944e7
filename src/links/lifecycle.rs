//! Reads buckets' lifecycle rules, and asks [`link_rules::lifecycle`] when they end links to an object, and
//! uploads that nobody finishes.
//!
//! They are read where S3 is asked about the object anyway: for checked links, shares and mails. The
//! other links are signed without knowing the object. A function that may not read them goes on without
//! them: most rules end links by expiring objects, and S3 says that with each object.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aws_credential_types::Credentials;
use aws_sdk_s3::operation::get_bucket_lifecycle_configuration::GetBucketLifecycleConfigurationOutput;
use aws_sdk_s3::types::{
    AbortIncompleteMultipartUpload, ExpirationStatus, LifecycleRule as S3Rule,
    LifecycleRuleAndOperator as And, LifecycleRuleFilter as Filter, NoncurrentVersionExpiration,
    NoncurrentVersionTransition, TransitionDefaultMinimumObjectSize, TransitionStorageClass,
};
use aws_smithy_types::DateTime;
use jiff::{SignedDuration, Timestamp};
use link_rules::arn::is_access_point;
use link_rules::lifecycle::{LifecycleRule, LifecycleRules, LinkedVersion, StoredObject, Timing};
use link_rules::object::{ObjectRef, UNVERSIONED};

use super::{ProbeAnswer, Versions, tags};
use crate::aws::{Aws, AwsError, REMEMBERED_BUCKETS, answered};
use crate::invocation::Invocation;
use crate::memory::{Age, Failure, Memory, Unanswered};

/// How long rules that were read are used.
const REREAD: SignedDuration = SignedDuration::from_mins(5);

/// How long S3's refusal to show them is remembered. Most functions lack the permission.
const REREAD_REFUSED: SignedDuration = SignedDuration::from_hours(1);

/// How long later invocations wait before S3 is asked again for rules that it did not give.
const RETRY: SignedDuration = SignedDuration::from_secs(2);

/// The storage classes from which an object must be restored before a link opens it.
const ARCHIVES: [TransitionStorageClass; 2] =
    [TransitionStorageClass::Glacier, TransitionStorageClass::DeepArchive];

/// S3 gave no answer when it was asked for the rules.
#[derive(Clone, Debug)]
struct Silent;

impl Failure for Silent {
    fn pause(&self) -> Option<SignedDuration> {
        Some(RETRY)
    }
}

/// What is known of a bucket's rules.
#[derive(Debug)]
struct Known {
    /// Those that were read last. `None`: they were never shown.
    rules: Option<LifecycleRules>,
    /// Whether S3 refused to show them when it was asked last.
    is_refused: bool,
    /// Whether S3 refused to show an object's tags. Nobody asks again.
    tags_are_refused: AtomicBool,
}

impl Known {
    fn tags_are_refused(&self) -> bool {
        self.tags_are_refused.load(Ordering::Relaxed)
    }
}

/// Reads lifecycle rules and remembers them.
#[derive(Debug)]
pub(crate) struct Lifecycle {
    aws: Aws,
    known: Memory<String, Arc<Known>, Silent>,
}

impl Lifecycle {
    /// Asks S3 through `aws`.
    #[must_use]
    pub(crate) fn new(aws: Aws) -> Self {
        Self { aws, known: Memory::new(REMEMBERED_BUCKETS) }
    }

    /// When rules of its bucket end links to `object`, which S3 showed with `answer`. `None`: no rule does,
    /// or the rules are not known. `versions` is there where the link opens a version that was replaced, and
    /// says whether it was.
    pub(super) async fn end(
        &self,
        object: ObjectRef<'_>,
        answer: &ProbeAnswer,
        versions: Option<&Versions>,
        credentials: &Credentials,
        invocation: &Invocation,
    ) -> Option<Timestamp> {
        let known = self.read(object, credentials, invocation).await?;
        let rules = known.rules.as_ref().filter(|rules| !rules.rules.is_empty())?;
        let names_version = object.version_id.is_some_and(|version_id| version_id != UNVERSIONED);
        let version = match versions {
            Some(versions) if names_version && rules.turn_on_versions(object.key) => {
                match versions.is_current(object, credentials, invocation).await {
                    Ok(true) => LinkedVersion::Pinned,
                    // If S3 does not say, the version counts as an old one, which ends sooner.
                    Ok(false) | Err(_) => LinkedVersion::Old,
                }
            }
            _ => LinkedVersion::Current,
        };
        let stored = StoredObject {
            key: object.key,
            last_modified: answer.last_modified,
            size: answer.size,
            is_archived: answer.storage.is_archived(),
            tags: None,
            version,
        };
        let now = invocation.now();
        if !rules.turn_on_tags(&stored, now) {
            return rules.end(&stored, now);
        }
        let tags = self.tags(object, &known, credentials, invocation).await;
        rules.end(&StoredObject { tags: tags.as_deref(), ..stored }, now)
    }

    /// When a rule of its bucket ends an upload in parts of `object` that begins now and is not finished.
    /// `None`: no rule does, or the rules are not known.
    pub(crate) async fn unfinished_until(
        &self,
        object: ObjectRef<'_>,
        credentials: &Credentials,
        invocation: &Invocation,
    ) -> Option<Timestamp> {
        let known = self.read(object, credentials, invocation).await?;
        known.rules.as_ref()?.unfinished_until(object.key, invocation.now())
    }

    async fn read(
        &self,
        object: ObjectRef<'_>,
        credentials: &Credentials,
        invocation: &Invocation,
    ) -> Option<Arc<Known>> {
        let ObjectRef { bucket, region, .. } = object;
        // S3 shows the rules of a bucket, and not those behind an access point.
        if is_access_point(bucket) {
            return None;
        }
        let is_fresh = |known: &Arc<Known>, age: Age| {
            age.age < if known.is_refused { REREAD_REFUSED } else { REREAD }
        };
        let ask = |before| self.ask(bucket, region, credentials, before, invocation);
        match self.known.get(&bucket.to_owned(), is_fresh, ask, invocation).await {
            Ok(known) | Err(Unanswered { before: Some(known), .. }) => Some(known),
            Err(Unanswered { before: None, .. }) => None,
        }
    }

    async fn ask(
        &self,
        bucket: &str,
        region: &str,
        credentials: &Credentials,
        before: Option<Arc<Known>>,
        invocation: &Invocation,
    ) -> Result<Arc<Known>, Silent> {
        let s3 = self.aws.s3_for_lifecycle(region, credentials, invocation);
        let call = s3.get_bucket_lifecycle_configuration().bucket(bucket);
        let (rules, is_refused) = match answered(call.send()).await {
            Ok(answer) => (Some(rules(&answer)), false),
            Err(AwsError::Refused { status: 404, .. }) => (Some(LifecycleRules::default()), false),
            Err(error @ AwsError::Refused { .. }) => {
                if before.as_ref().is_none_or(|before| !before.is_refused) {
                    tracing::info!(
                        bucket,
                        reason = error.to_string(),
                        "a bucket's lifecycle rules can't be read: what they archive ends links \
                         unannounced; allow s3:GetLifecycleConfiguration to the function's role"
                    );
                }
                // What was read before is better than nothing.
                (before.as_ref().and_then(|before| before.rules.clone()), true)
            }
            Err(_) => return Err(Silent),
        };
        let tags_are_refused = before.is_some_and(|before| before.tags_are_refused());
        Ok(Arc::new(Known { rules, is_refused, tags_are_refused: tags_are_refused.into() }))
    }

    /// The object's tags, if the function may read them.
    async fn tags(
        &self,
        object: ObjectRef<'_>,
        known: &Known,
        credentials: &Credentials,
        invocation: &Invocation,
    ) -> Option<Vec<(String, String)>> {
        if known.tags_are_refused() {
            return None;
        }
        match tags::of(&self.aws, object, credentials, invocation).await {
            Ok(tags) => Some(tags),
            Err(error) => {
                let is_refusal = matches!(error, AwsError::Refused { .. });
                known.tags_are_refused.store(is_refusal, Ordering::Relaxed);
                None
            }
        }
    }
}

/// The rules that are in force, as far as they end links or uploads.
pub(crate) fn rules(answer: &GetBucketLifecycleConfigurationOutput) -> LifecycleRules {
    let small = TransitionDefaultMinimumObjectSize::AllStorageClasses128K;
    LifecycleRules {
        rules: answer.rules().iter().filter_map(rule).collect(),
        // Rules that were made before S3 had this setting move small objects to archives.
        move_small_objects: answer.transition_default_minimum_object_size() != Some(&small),
    }
}

fn rule(rule: &S3Rule) -> Option<LifecycleRule> {
    if *rule.status() != ExpirationStatus::Enabled {
        return None;
    }
    let filter = rule.filter();
    let and = filter.and_then(Filter::and);
    #[expect(deprecated, reason = "rules that were made before filters have their prefix here")]
    let prefix = rule.prefix();
    let prefix = filter.and_then(Filter::prefix).or_else(|| and.and_then(And::prefix)).or(prefix);
    let tags = filter.and_then(Filter::tag).into_iter();
    let tags = tags.chain(and.map(And::tags).unwrap_or_default());
    let size = |of_filter: fn(&Filter) -> Option<i64>, of_and: fn(&And) -> Option<i64>| {
        let size = filter.and_then(of_filter).or_else(|| and.and_then(of_and))?;
        u64::try_from(size).ok()
    };
    let read = LifecycleRule {
        id: rule.id().filter(|id| is_showable(id)).map(str::to_owned),
        prefix: prefix.unwrap_or_default().to_owned(),
        tags: tags.map(tags::pair).collect(),
        size_greater_than: size(Filter::object_size_greater_than, And::object_size_greater_than),
        size_less_than: size(Filter::object_size_less_than, And::object_size_less_than),
        expires: rule
            .expiration()
            .and_then(|expiration| timing(expiration.date(), expiration.days())),
        archives: archives(rule),
        old_versions_expire: rule
            .noncurrent_version_expiration()
            .and_then(NoncurrentVersionExpiration::noncurrent_days),
        old_versions_archive: rule
            .noncurrent_version_transitions()
            .iter()
            .filter(|transition| is_archive(transition.storage_class()))
            .filter_map(NoncurrentVersionTransition::noncurrent_days)
            .min(),
        unfinished_uploads_end: rule
            .abort_incomplete_multipart_upload()
            .and_then(AbortIncompleteMultipartUpload::days_after_initiation),
    };
    let does_something = read.expires.is_some()
        || read.archives.is_some()
        || read.old_versions_expire.is_some()
        || read.old_versions_archive.is_some()
        || read.unfinished_uploads_end.is_some();
    does_something.then_some(read)
}

/// The first move to an archive. A rule has either days or dates.
fn archives(rule: &S3Rule) -> Option<(String, Timing)> {
    let moves = rule.transitions().iter().filter_map(|transition| {
        let class = transition.storage_class().filter(|class| is_archive(Some(class)))?;
        Some((class.as_str().to_owned(), timing(transition.date(), transition.days())?))
    });
    moves.min_by_key(|(_, timing)| match timing {
        Timing::Days(days) => i64::from(*days),
        Timing::At(instant) => instant.as_second(),
    })
}

fn is_archive(class: Option<&TransitionStorageClass>) -> bool {
    class.is_some_and(|class| ARCHIVES.contains(class))
}

fn timing(date: Option<&DateTime>, days: Option<i32>) -> Option<Timing> {
    match date {
        Some(date) => Timestamp::from_second(date.secs()).ok().map(Timing::At),
        None => days.map(Timing::Days),
    }
}

/// Whether this can be shown. A rule's name is an upstream's word.
fn is_showable(id: &str) -> bool {
    (1..=255).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ')
        && !id.contains("://")
        && !id.contains("X-Amz")
}

#[cfg(test)]
mod tests {
    use aws_sdk_s3::types::{LifecycleExpiration, Transition};

    use super::*;
    use aws_sdk_s3::types::Tag;

    fn s3_rule(filter: Filter) -> S3Rule {
        let transition =
            |days, class| Transition::builder().days(days).storage_class(class).build();
        let old = |days, class| {
            NoncurrentVersionTransition::builder()
                .noncurrent_days(days)
                .storage_class(class)
                .build()
        };
        S3Rule::builder()
            .id("tidy")
            .status(ExpirationStatus::Enabled)
            .filter(filter)
            .expiration(LifecycleExpiration::builder().days(30).build())
            .transitions(transition(90, TransitionStorageClass::DeepArchive))
            .transitions(transition(7, TransitionStorageClass::Glacier))
            .transitions(transition(1, TransitionStorageClass::GlacierIr))
            .noncurrent_version_transitions(old(1, TransitionStorageClass::StandardIa))
            .noncurrent_version_transitions(old(3, TransitionStorageClass::DeepArchive))
            .build()
            .unwrap()
    }

    #[test]
    fn a_rule_about_unfinished_uploads_alone_does_something() {
        let abort = AbortIncompleteMultipartUpload::builder().days_after_initiation(7).build();
        let read = S3Rule::builder()
            .status(ExpirationStatus::Enabled)
            .abort_incomplete_multipart_upload(abort)
            .build()
            .unwrap();
        let expected =
            LifecycleRule { unfinished_uploads_end: Some(7), ..LifecycleRule::default() };
        assert_eq!(rule(&read), Some(expected));
    }

    #[test]
    fn a_rule_is_read_as_far_as_it_ends_links() {
        let tag = Tag::builder().key("a").value("b").build().unwrap();
        let and = And::builder().prefix("a/").tags(tag).object_size_greater_than(5).build();
        let read = rule(&s3_rule(Filter::builder().and(and).build())).unwrap();
        assert_eq!(
            read,
            LifecycleRule {
                id: Some("tidy".to_owned()),
                prefix: "a/".to_owned(),
                tags: vec![("a".to_owned(), "b".to_owned())],
                size_greater_than: Some(5),
                size_less_than: None,
                expires: Some(Timing::Days(30)),
                archives: Some(("GLACIER".to_owned(), Timing::Days(7))),
                old_versions_expire: None,
                old_versions_archive: Some(3),
                unfinished_uploads_end: None,
            }
        );
        assert!(read.covers("a/b") && !read.covers("b") && read.looks_beyond_the_key());
    }

    #[test]
    fn a_rule_that_is_switched_off_does_nothing() {
        let mut off = s3_rule(Filter::builder().prefix("").build());
        off.status = ExpirationStatus::Disabled;
        assert_eq!(rule(&off), None);
    }

    #[test]
    fn small_objects_stay_only_where_s3_says_so() {
        let answer = |size| {
            let answer = GetBucketLifecycleConfigurationOutput::builder();
            rules(&answer.set_transition_default_minimum_object_size(size).build())
        };
        let all = TransitionDefaultMinimumObjectSize::AllStorageClasses128K;
        assert!(!answer(Some(all)).move_small_objects);
        let varies = TransitionDefaultMinimumObjectSize::VariesByStorageClass;
        assert!(answer(Some(varies)).move_small_objects && answer(None).move_small_objects);
    }
}
