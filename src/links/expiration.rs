//! When an object ends, as S3 says in the headers of an answer about it.
//!
//! Source: Amazon S3 API reference, `HeadObject`, `x-amz-expiration` and `x-amz-restore`.

use jiff::Timestamp;
use jiff::fmt::rfc2822;
use link_rules::object::UNVERSIONED;

/// The two ends that S3 names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Expiration {
    /// When a lifecycle rule expires the object.
    expiration: Option<Timestamp>,
    /// When the restored copy of an archived object goes.
    restored_until: Option<Timestamp>,
}

impl Expiration {
    /// Reads the values of `x-amz-expiration` and `x-amz-restore`.
    pub(crate) fn read(expiration: Option<&str>, restore: Option<&str>) -> Self {
        Self {
            expiration: expiration.and_then(expiry_date),
            restored_until: restore.and_then(expiry_date),
        }
    }

    /// When a lifecycle rule expires the object, whatever that does to a link.
    pub(crate) fn expiration(self) -> Option<Timestamp> {
        self.expiration
    }

    /// When the restored copy of the archived object goes.
    pub(crate) fn restored_until(self) -> Option<Timestamp> {
        self.restored_until
    }

    /// When a link to this version of the object ends. `None` if S3 named no such end.
    ///
    /// Where versions are kept, expiry hides the object behind a delete marker. A link that names no
    /// version is dead then, and one that names a version lives on.
    pub(crate) fn of(self, version_id: Option<&str>) -> Option<Timestamp> {
        let outlives_expiry = version_id.is_some_and(|version_id| version_id != UNVERSIONED);
        let expiration = self.expiration.filter(|_| !outlives_expiry);
        [expiration, self.restored_until].into_iter().flatten().min()
    }
}

/// The date in `expiry-date="Fri, 21 Dec 2012 00:00:00 GMT"`.
fn expiry_date(header: &str) -> Option<Timestamp> {
    let (_, rest) = header.split_once("expiry-date=\"")?;
    let (date, _) = rest.split_once('"')?;
    rfc2822::parse(date).ok().map(|date| date.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXPIRATION: &str = "expiry-date=\"Fri, 21 Dec 2012 00:00:00 GMT\", rule-id=\"picture\"";
    const RESTORE: &str =
        "ongoing-request=\"false\", expiry-date=\"Thu, 20 Dec 2012 12:00:00 GMT\"";

    fn end(expiration: Option<&str>, restore: Option<&str>, version: Option<&str>) -> String {
        let end = Expiration::read(expiration, restore).of(version);
        end.map(|end| end.to_string()).unwrap_or_default()
    }

    #[test]
    fn the_documented_headers_are_read() {
        assert_eq!(end(Some(EXPIRATION), None, None), "2012-12-21T00:00:00Z");
        assert_eq!(end(None, Some(RESTORE), None), "2012-12-20T12:00:00Z");
        assert_eq!(end(Some(EXPIRATION), Some(RESTORE), None), "2012-12-20T12:00:00Z");
        assert_eq!(end(None, None, None), "");
    }

    #[test]
    fn a_version_outlives_the_expiry_of_the_object_but_not_its_restored_copy() {
        assert_eq!(end(Some(EXPIRATION), None, Some("v1")), "");
        assert_eq!(end(Some(EXPIRATION), None, Some("null")), "2012-12-21T00:00:00Z");
        assert_eq!(end(None, Some(RESTORE), Some("v1")), "2012-12-20T12:00:00Z");
    }

    #[test]
    fn what_names_no_date_ends_nothing() {
        for header in
            ["", "ongoing-request=\"true\"", "expiry-date=\"soon\"", "expiry-date=\"", "x"]
        {
            assert_eq!(end(Some(header), Some(header), None), "", "{header}");
        }
    }
}
