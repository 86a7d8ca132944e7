//! When a bucket's lifecycle rules end links to an object.
//!
//! S3's answers about an object say when a rule expires it (`x-amz-expiration`). No header says when a
//! rule moves it to an archive, or deletes a version that is not the current one. Links are dead then
//! too, so those ends are computed here, from the rules and from what is known of the object.
//!
//! S3 adds a rule's days to the object's time and acts at the next midnight, UTC, or later. An end that is
//! over is told as it is: S3 may act at any moment.
//!
//! Rules also end uploads in parts that nobody finishes. S3 names that end when an upload begins
//! (`x-amz-abort-date`), and it is computed here for whoever asks before.
//!
//! Whether a rule's tags match is left open if nobody could read the object's. Then the rule counts.
//!
//! Source: Amazon S3 user guide, "Lifecycle configuration elements" and "Transitioning objects using
//! Amazon S3 Lifecycle".

use jiff::{SignedDuration, Timestamp};

/// Objects that are smaller than this are not moved unless the bucket or the rule says so.
const LEAST_MOVED_BYTES: u64 = 128 * 1_024;

const SECONDS_OF_A_DAY: i64 = 86_400;

/// For how long an object that is readable leaves it open whether a rule covers it by its tags. S3 acts
/// within days, so an object that is overdue for longer has other tags.
const DOUBTED: SignedDuration = SignedDuration::from_hours(7 * 24);

/// A bucket's rules, as far as they end links or uploads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LifecycleRules {
    /// Those that are in force.
    pub rules: Vec<LifecycleRule>,
    /// Whether S3 moves small objects too, where a rule does not speak of sizes.
    pub move_small_objects: bool,
}

/// A rule that is in force.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LifecycleRule {
    /// The rule's name. `None` if it has none that can be shown.
    pub id: Option<String>,
    /// What the keys begin with that it covers.
    pub prefix: String,
    /// The tags that an object must have, all of them.
    pub tags: Vec<(String, String)>,
    /// An object must be larger than this, in bytes.
    pub size_greater_than: Option<u64>,
    /// An object must be smaller than this, in bytes.
    pub size_less_than: Option<u64>,
    /// When it expires the object.
    pub expires: Option<Timing>,
    /// When it first moves the object to an archive, and to which.
    pub archives: Option<(String, Timing)>,
    /// How many days after it was replaced or deleted a version is deleted.
    pub old_versions_expire: Option<i32>,
    /// How many days after that a version is first moved to an archive.
    pub old_versions_archive: Option<i32>,
    /// How many days after it began an upload in parts ends that is not finished. Such a rule looks at no
    /// tags and no sizes.
    pub unfinished_uploads_end: Option<i32>,
}

/// When a rule acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timing {
    /// So many days after the object was made.
    Days(i32),
    /// At this instant.
    At(Timestamp),
}

/// What is known of an object that opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredObject<'a> {
    /// Its key.
    pub key: &'a str,
    /// When it was made. `None`: S3 does not say.
    pub last_modified: Option<Timestamp>,
    /// Its size in bytes. `None`: S3 does not say.
    pub size: Option<u64>,
    /// Whether it is in an archive. What opens is a restored copy then, and no rule moves it.
    pub is_archived: bool,
    /// Its tags. `None`: nobody could read them.
    pub tags: Option<&'a [(String, String)]>,
    /// Which version a link names.
    pub version: LinkedVersion,
}

/// Which version of an object a link names, as far as rules care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkedVersion {
    /// None, or one that opens only while it is the current one.
    Current,
    /// The current one, and it opens when it is replaced too.
    Pinned,
    /// One that was replaced or deleted before. Nobody knows when.
    Old,
}

impl LifecycleRule {
    /// Whether it covers `key`, as far as keys tell.
    #[must_use]
    pub fn covers(&self, key: &str) -> bool {
        key.starts_with(&self.prefix)
    }

    /// Whether it also looks at tags or sizes.
    #[must_use]
    pub fn looks_beyond_the_key(&self) -> bool {
        !self.tags.is_empty() || self.looks_at_sizes()
    }

    /// The first instant at which it may end an upload in parts that begins `now` and is not finished by then.
    #[must_use]
    pub fn unfinished_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.unfinished_uploads_end.map(|days| midnight_after(now, days))
    }

    fn looks_at_sizes(&self) -> bool {
        self.size_greater_than.is_some() || self.size_less_than.is_some()
    }

    fn size_fits(&self, size: Option<u64>) -> bool {
        let is_greater = |least| size.is_none_or(|size| size > least);
        let is_less = |most| size.is_none_or(|size| size < most);
        self.size_greater_than.is_none_or(is_greater) && self.size_less_than.is_none_or(is_less)
    }

    fn tags_fit(&self, tags: Option<&[(String, String)]>) -> bool {
        tags.is_none_or(|tags| self.tags.iter().all(|tag| tags.contains(tag)))
    }
}

impl LifecycleRules {
    /// Whether the object's tags matter to [`LifecycleRules::end`].
    #[must_use]
    pub fn turn_on_tags(&self, object: &StoredObject<'_>, now: Timestamp) -> bool {
        self.ends(object, now).any(|(rule, _)| !rule.tags.is_empty())
    }

    /// Whether it matters to the rules which version of `key` is the current one.
    #[must_use]
    pub fn turn_on_versions(&self, key: &str) -> bool {
        self.rules.iter().any(|rule| {
            rule.covers(key)
                && (rule.old_versions_archive.is_some() || rule.old_versions_expire.is_some())
        })
    }

    /// The first instant at which a rule may take the object away from a link. `None`: no rule does.
    /// `now` is when it was seen to open.
    #[must_use]
    pub fn end(&self, object: &StoredObject<'_>, now: Timestamp) -> Option<Timestamp> {
        self.ends(object, now).map(|(_, end)| end).min()
    }

    /// The first instant at which a rule may end an upload in parts to `key` that begins `now` and is not
    /// finished by then. `None`: no rule does, and its parts stay.
    ///
    /// Source: Amazon S3 user guide, "Configuring a bucket lifecycle configuration to delete incomplete
    /// multipart uploads".
    #[must_use]
    pub fn unfinished_until(&self, key: &str, now: Timestamp) -> Option<Timestamp> {
        let covering = self.rules.iter().filter(|rule| rule.covers(key));
        covering.filter_map(|rule| rule.unfinished_until(now)).min()
    }

    fn ends<'a>(
        &'a self,
        object: &'a StoredObject<'_>,
        now: Timestamp,
    ) -> impl Iterator<Item = (&'a LifecycleRule, Timestamp)> {
        let covering = self.rules.iter().filter(|rule| {
            rule.covers(object.key) && rule.size_fits(object.size) && rule.tags_fit(object.tags)
        });
        let ends = covering.flat_map(move |rule| {
            let archived = self.archived_at(rule, object).filter(|end| {
                let is_doubtful = !rule.tags.is_empty() && object.tags.is_none();
                !is_doubtful || now.duration_since(*end) <= DOUBTED
            });
            [archived, self.old_version_ends(rule, object, now)].map(|end| (rule, end))
        });
        ends.filter_map(|(rule, end)| Some((rule, end?)))
    }

    /// When the rule moves the object while it is current.
    fn archived_at(&self, rule: &LifecycleRule, object: &StoredObject<'_>) -> Option<Timestamp> {
        let (_, timing) = rule.archives.as_ref()?;
        if object.version == LinkedVersion::Old || !self.moves(rule, object) {
            return None;
        }
        Some(match timing {
            Timing::At(instant) => *instant,
            // S3 names the time of every object. Of one without a time nothing can be promised.
            Timing::Days(days) => {
                object.last_modified.map_or(Timestamp::MIN, |made| midnight_after(made, *days))
            }
        })
    }

    /// When the rule moves or deletes the version, once it is not the current one.
    fn old_version_ends(
        &self,
        rule: &LifecycleRule,
        object: &StoredObject<'_>,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let archives = rule.old_versions_archive.filter(|_| self.moves(rule, object));
        let days = [archives, rule.old_versions_expire].into_iter().flatten().min()?;
        match object.version {
            LinkedVersion::Current => None,
            // It may be replaced at any moment.
            LinkedVersion::Pinned => Some(midnight_after(now, days)),
            // It was replaced after it was made, and it is still there.
            LinkedVersion::Old => {
                let made = object.last_modified.map(|made| midnight_after(made, days));
                made.into_iter().chain([midnight_after(now, 0)]).max()
            }
        }
    }

    /// Whether the rule moves an object of this size and class at all.
    fn moves(&self, rule: &LifecycleRule, object: &StoredObject<'_>) -> bool {
        let is_small = object.size.is_some_and(|size| size < LEAST_MOVED_BYTES);
        !object.is_archived && (!is_small || self.move_small_objects || rule.looks_at_sizes())
    }
}

/// The first midnight, UTC, that is not before `days` days after `instant`.
fn midnight_after(instant: Timestamp, days: i32) -> Timestamp {
    let second = instant.as_second() + i64::from(instant.subsec_nanosecond() > 0);
    let days_since_1970 = (second + SECONDS_OF_A_DAY - 1).div_euclid(SECONDS_OF_A_DAY);
    let midnight = (days_since_1970 + i64::from(days)) * SECONDS_OF_A_DAY;
    Timestamp::from_second(midnight).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "2026-11-23T13:05:00Z";

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn archiving(days: i32) -> LifecycleRule {
        LifecycleRule {
            archives: Some(("GLACIER".to_owned(), Timing::Days(days))),
            ..LifecycleRule::default()
        }
    }

    fn object() -> StoredObject<'static> {
        StoredObject {
            key: "in/a.pdf",
            last_modified: Some(at("2026-11-01T10:00:00Z")),
            size: Some(1_048_576),
            is_archived: false,
            tags: None,
            version: LinkedVersion::Current,
        }
    }

    fn end(rule: LifecycleRule, object: &StoredObject<'_>) -> String {
        let rules = LifecycleRules { rules: vec![rule], move_small_objects: false };
        rules.end(object, at(NOW)).map(|end| end.to_string()).unwrap_or_default()
    }

    #[test]
    fn an_object_is_moved_at_the_first_midnight_after_the_rule_s_days() {
        assert_eq!(end(archiving(30), &object()), "2026-12-02T00:00:00Z");
        assert_eq!(end(archiving(0), &object()), "2026-11-02T00:00:00Z");
        let at_midnight =
            StoredObject { last_modified: Some(at("2026-11-01T00:00:00Z")), ..object() };
        assert_eq!(end(archiving(30), &at_midnight), "2026-12-01T00:00:00Z");
        let by_date = LifecycleRule {
            archives: Some(("GLACIER".to_owned(), Timing::At(at("2026-12-24T00:00:00Z")))),
            ..LifecycleRule::default()
        };
        assert_eq!(end(by_date, &object()), "2026-12-24T00:00:00Z");
    }

    #[test]
    fn the_first_of_several_rules_counts() {
        let rules = LifecycleRules {
            rules: vec![archiving(90), archiving(30), LifecycleRule::default()],
            move_small_objects: false,
        };
        assert_eq!(rules.end(&object(), at(NOW)), Some(at("2026-12-02T00:00:00Z")));
    }

    #[test]
    fn rules_about_other_keys_and_sizes_end_nothing() {
        let elsewhere = LifecycleRule { prefix: "out/".to_owned(), ..archiving(30) };
        assert_eq!(end(elsewhere, &object()), "");
        let here = LifecycleRule { prefix: "in/".to_owned(), ..archiving(30) };
        assert_eq!(end(here, &object()), "2026-12-02T00:00:00Z");
        for (greater, less, is_met) in [
            (Some(1_048_576), None, false),
            (Some(1_048_575), None, true),
            (None, Some(1_048_576), false),
            (None, Some(1_048_577), true),
        ] {
            let rule =
                LifecycleRule { size_greater_than: greater, size_less_than: less, ..archiving(30) };
            assert_eq!(!end(rule, &object()).is_empty(), is_met, "{greater:?} {less:?}");
        }
    }

    #[test]
    fn small_objects_stay_unless_the_bucket_or_the_rule_says_otherwise() {
        let small = StoredObject { size: Some(131_071), ..object() };
        assert_eq!(end(archiving(30), &small), "");
        assert_ne!(end(archiving(30), &StoredObject { size: Some(131_072), ..object() }), "");
        assert_ne!(end(archiving(30), &StoredObject { size: None, ..object() }), "");
        let of_sizes = LifecycleRule { size_greater_than: Some(1), ..archiving(30) };
        assert_ne!(end(of_sizes, &small), "");
        let rules = LifecycleRules { rules: vec![archiving(30)], move_small_objects: true };
        assert!(rules.end(&small, at(NOW)).is_some());
    }

    #[test]
    fn what_is_archived_already_is_not_moved() {
        assert_eq!(end(archiving(0), &StoredObject { is_archived: true, ..object() }), "");
    }

    #[test]
    fn a_rule_with_tags_counts_unless_the_object_s_are_known_to_be_others() {
        let tag = |value: &str| ("class".to_owned(), value.to_owned());
        let rule = LifecycleRule { tags: vec![tag("cold")], ..archiving(30) };
        let with = |tags: &[(String, String)]| {
            end(rule.clone(), &StoredObject { tags: Some(tags), ..object() })
        };
        assert_eq!(end(rule.clone(), &object()), "2026-12-02T00:00:00Z");
        assert_eq!(with(&[tag("cold")]), "2026-12-02T00:00:00Z");
        assert_eq!(with(&[tag("warm")]), "");
        assert_eq!(with(&[]), "");

        let rules = LifecycleRules { rules: vec![rule], move_small_objects: false };
        assert!(rules.turn_on_tags(&object(), at(NOW)));
        assert!(
            !rules.turn_on_tags(&StoredObject { key: "in/b", size: Some(1), ..object() }, at(NOW))
        );
    }

    #[test]
    fn an_object_that_is_long_overdue_has_other_tags() {
        let tags = vec![("a".to_owned(), "b".to_owned())];
        let overdue = |days, tags: &[_]| {
            end(LifecycleRule { tags: tags.to_vec(), ..archiving(days) }, &object())
        };
        // It was made 22 days ago.
        assert_eq!(overdue(14, &tags), "");
        assert_eq!(overdue(15, &tags), "2026-11-17T00:00:00Z");
        // Without tags S3 may act at any moment.
        assert_eq!(overdue(14, &[]), "2026-11-16T00:00:00Z");
    }

    #[test]
    fn a_version_ends_by_the_rules_for_old_ones_if_it_opens_when_it_is_old() {
        for rule in [
            LifecycleRule { old_versions_expire: Some(3), ..LifecycleRule::default() },
            LifecycleRule { old_versions_archive: Some(3), ..LifecycleRule::default() },
            LifecycleRule {
                old_versions_archive: Some(3),
                old_versions_expire: Some(90),
                ..LifecycleRule::default()
            },
        ] {
            let version = |version| end(rule.clone(), &StoredObject { version, ..object() });
            assert_eq!(version(LinkedVersion::Current), "");
            assert_eq!(version(LinkedVersion::Pinned), "2026-11-27T00:00:00Z");
            // It is due by its age, and still there.
            assert_eq!(version(LinkedVersion::Old), "2026-11-24T00:00:00Z");
            let young = StoredObject {
                version: LinkedVersion::Old,
                last_modified: Some(at("2026-11-23T01:00:00Z")),
                ..object()
            };
            assert_eq!(end(rule, &young), "2026-11-27T00:00:00Z");
        }
    }

    #[test]
    fn rules_for_the_current_version_leave_old_ones_alone() {
        assert_eq!(
            end(archiving(0), &StoredObject { version: LinkedVersion::Old, ..object() }),
            ""
        );
        let pinned = StoredObject { version: LinkedVersion::Pinned, ..object() };
        assert_eq!(end(archiving(30), &pinned), "2026-12-02T00:00:00Z");
    }

    #[test]
    fn an_unfinished_upload_ends_at_the_first_midnight_after_the_days_of_the_first_rule() {
        let ending = |prefix: &str, days| LifecycleRule {
            prefix: prefix.to_owned(),
            unfinished_uploads_end: Some(days),
            ..LifecycleRule::default()
        };
        let rules = LifecycleRules {
            rules: vec![ending("", 7), ending("in/", 3), ending("out/", 1), archiving(0)],
            move_small_objects: false,
        };
        let until = |key| rules.unfinished_until(key, at(NOW)).map(|until| until.to_string());
        assert_eq!(until("in/a").as_deref(), Some("2026-11-27T00:00:00Z"));
        assert_eq!(until("a").as_deref(), Some("2026-12-01T00:00:00Z"));
        let none = LifecycleRules { rules: vec![archiving(0)], move_small_objects: false };
        assert_eq!(none.unfinished_until("in/a", at(NOW)), None);
        // It ends no link.
        assert_eq!(end(ending("", 1), &object()), "");
    }

    #[test]
    fn of_an_object_without_a_time_nothing_is_promised() {
        let unknown = StoredObject { last_modified: None, ..object() };
        assert_eq!(end(archiving(365), &unknown), Timestamp::MIN.to_string());
    }
}
