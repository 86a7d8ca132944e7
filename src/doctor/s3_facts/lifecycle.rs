//! What a bucket's lifecycle rules do to one key.

use aws_sdk_s3::types::{
    ExpirationStatus, LifecycleRule, NoncurrentVersionExpiration, TransitionStorageClass,
};
use aws_smithy_types::DateTime;
use jiff::Timestamp;

/// The storage classes from which an object must be restored before a link opens it.
const ARCHIVES: [TransitionStorageClass; 2] =
    [TransitionStorageClass::Glacier, TransitionStorageClass::DeepArchive];

/// A rule that is in force and covers the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Rule {
    /// The rule's name. `None` if it has none that can be shown.
    pub(in super::super) id: Option<String>,
    /// Whether it also looks at tags or sizes, so that it may pass over this object.
    pub(in super::super) may_not_match: bool,
    /// When it expires the object.
    pub(in super::super) expires: Option<Timing>,
    /// When it moves the object to an archive, and to which.
    pub(in super::super) archives: Option<(String, Timing)>,
    /// How many days after it was replaced or deleted a version is deleted.
    pub(in super::super) old_versions_expire: Option<i32>,
}

/// When a rule acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Timing {
    /// So many days after the object was made.
    Days(i32),
    /// At this instant.
    At(Timestamp),
}

/// The rules that cover `key` and end links to it in some way.
pub(super) fn covering(rules: &[LifecycleRule], key: &str) -> Vec<Rule> {
    rules.iter().filter_map(|rule| read(rule, key)).collect()
}

fn read(rule: &LifecycleRule, key: &str) -> Option<Rule> {
    let filter = rule.filter();
    let and = filter.and_then(|filter| filter.and());
    #[expect(deprecated, reason = "rules that were made before filters have their prefix here")]
    let prefix = rule.prefix();
    let prefix = filter
        .and_then(|filter| filter.prefix())
        .or_else(|| and.and_then(|and| and.prefix()))
        .or(prefix)
        .unwrap_or_default();
    if *rule.status() != ExpirationStatus::Enabled || !key.starts_with(prefix) {
        return None;
    }
    let may_not_match = filter.is_some_and(|filter| {
        filter.tag().is_some()
            || filter.object_size_greater_than().is_some()
            || filter.object_size_less_than().is_some()
            || and.is_some_and(|and| {
                !and.tags().is_empty()
                    || and.object_size_greater_than().is_some()
                    || and.object_size_less_than().is_some()
            })
    });
    let read = Rule {
        id: rule.id().filter(|id| is_showable(id)).map(str::to_owned),
        may_not_match,
        expires: rule
            .expiration()
            .and_then(|expiration| timing(expiration.date(), expiration.days())),
        archives: rule.transitions().iter().find_map(|transition| {
            let class = transition.storage_class().filter(|class| ARCHIVES.contains(class))?;
            Some((class.as_str().to_owned(), timing(transition.date(), transition.days())?))
        }),
        old_versions_expire: rule
            .noncurrent_version_expiration()
            .and_then(NoncurrentVersionExpiration::noncurrent_days),
    };
    let does_something =
        read.expires.is_some() || read.archives.is_some() || read.old_versions_expire.is_some();
    does_something.then_some(read)
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
    use aws_sdk_s3::types::{
        LifecycleExpiration, LifecycleRuleAndOperator, LifecycleRuleFilter, Tag, Transition,
    };

    use super::*;

    fn rule(filter: LifecycleRuleFilter) -> LifecycleRule {
        LifecycleRule::builder()
            .id("tidy")
            .status(ExpirationStatus::Enabled)
            .filter(filter)
            .expiration(LifecycleExpiration::builder().days(30).build())
            .transitions(
                Transition::builder()
                    .days(7)
                    .storage_class(TransitionStorageClass::DeepArchive)
                    .build(),
            )
            .build()
            .unwrap()
    }

    fn prefix(prefix: &str) -> LifecycleRuleFilter {
        LifecycleRuleFilter::builder().prefix(prefix).build()
    }

    #[test]
    fn a_rule_covers_the_keys_that_begin_with_its_prefix() {
        let rules = [rule(prefix("a/")), rule(prefix("b/"))];
        let found = covering(&rules, "a/b.txt");
        assert_eq!(
            found,
            [Rule {
                id: Some("tidy".to_owned()),
                may_not_match: false,
                expires: Some(Timing::Days(30)),
                archives: Some(("DEEP_ARCHIVE".to_owned(), Timing::Days(7))),
                old_versions_expire: None,
            }]
        );
        assert_eq!(covering(&[rule(prefix(""))], "a").len(), 1);
    }

    #[test]
    fn tags_and_sizes_leave_it_open_whether_a_rule_matches() {
        let tag = Tag::builder().key("a").value("b").build().unwrap();
        let and = LifecycleRuleAndOperator::builder().prefix("a/").tags(tag).build();
        let rules = [rule(LifecycleRuleFilter::builder().and(and).build())];
        assert!(covering(&rules, "a/b")[0].may_not_match);
        assert_eq!(covering(&rules, "b"), []);
    }

    #[test]
    fn a_rule_that_is_switched_off_does_nothing() {
        let mut off = rule(prefix(""));
        off.status = ExpirationStatus::Disabled;
        assert_eq!(covering(&[off], "a"), []);
    }
}
