//! How an object is stored, as S3 says in the headers of an answer about it.
//!
//! Headers are an upstream's words. A custom endpoint may repeat in them what it was sent. So only
//! values are taken that look like what AWS documents.

use link_rules::arn::is_arn;

/// The longest value that is taken, in bytes.
const MAX_LENGTH: usize = 256;

/// What S3 says of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct StorageInfo {
    /// `x-amz-server-side-encryption`: `AES256`, `aws:kms`, `aws:kms:dsse`.
    pub(crate) encryption: Option<String>,
    /// `x-amz-server-side-encryption-aws-kms-key-id`: the key's ARN.
    pub(crate) kms_key: Option<String>,
    /// `x-amz-storage-class`. S3 leaves it out for `STANDARD`.
    pub(crate) storage_class: Option<String>,
    /// `x-amz-archive-status`: the archive tier of Intelligent-Tiering that the object is in.
    pub(crate) archive_status: Option<String>,
    /// Whether the archived object is being restored (`x-amz-restore`).
    pub(crate) is_being_restored: bool,
    /// `x-amz-version-id`, where the bucket has versions.
    pub(crate) version_id: Option<String>,
}

impl StorageInfo {
    /// Reads the headers that `header` gives by their names in lower case.
    pub(crate) fn read<'a>(header: impl Fn(&str) -> Option<&'a str>) -> Self {
        let word = |name: &str| header(name).filter(|value| is_word(value)).map(str::to_owned);
        Self {
            encryption: word("x-amz-server-side-encryption"),
            kms_key: word("x-amz-server-side-encryption-aws-kms-key-id").filter(|key| is_arn(key)),
            storage_class: word("x-amz-storage-class"),
            archive_status: word("x-amz-archive-status"),
            is_being_restored: header("x-amz-restore")
                .is_some_and(|restore| restore.contains("ongoing-request=\"true\"")),
            version_id: word("x-amz-version-id"),
        }
    }

    /// Whether the object is archived, so that it must be restored before a link opens.
    pub(crate) fn is_archived(&self) -> bool {
        let archive = ["GLACIER", "DEEP_ARCHIVE"];
        self.archive_status.is_some()
            || self.storage_class.as_ref().is_some_and(|class| archive.contains(&class.as_str()))
    }

    /// Whether the object is encrypted with a KMS key.
    pub(crate) fn is_encrypted_with_kms(&self) -> bool {
        self.encryption.as_ref().is_some_and(|encryption| encryption.starts_with("aws:kms"))
    }
}

/// Whether this is short and made of the characters of ARNs and ids.
fn is_word(value: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b":/_.-".contains(&byte);
    (1..=MAX_LENGTH).contains(&value.len())
        && value.bytes().all(is_plain)
        && !value.contains("://")
        && !value.contains("X-Amz")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_looks_like_aws_s_own_values_is_taken() {
        let key = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab";
        let facts = StorageInfo::read(|name| match name {
            "x-amz-server-side-encryption" => Some("aws:kms"),
            "x-amz-server-side-encryption-aws-kms-key-id" => Some(key),
            "x-amz-storage-class" => Some("https://files.s3.amazonaws.com/a?X-Amz-Signature=abc"),
            "x-amz-restore" => Some("ongoing-request=\"true\""),
            _ => None,
        });
        assert_eq!(facts.kms_key.as_deref(), Some(key));
        assert!(facts.is_encrypted_with_kms() && facts.is_being_restored);
        assert_eq!((facts.storage_class, facts.version_id), (None, None));
    }
}
