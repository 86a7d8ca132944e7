//! Names of regions.

/// The longest name of a region, in bytes. AWS's own have up to 15.
const MAX_BYTES: usize = 32;

/// Whether this can be the name of a region: lowercase letters, digits and hyphens.
///
/// The name need not have a hyphen, though all of AWS's do: S3-compatible servers have regions such
/// as `garage` and `default`. Other characters are refused, because the region becomes part of a
/// link's host, and whatever stands behind a custom endpoint may answer anything for a region.
#[must_use]
pub fn is_region(region: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=MAX_BYTES).contains(&region.len()) && region.bytes().all(is_plain)
}

/// The partition of a region.
///
/// Source: the partitions in the endpoint rules of `aws-sdk-s3` 1.157 (`endpoint_lib.rs`).
#[must_use]
pub fn partition(region: &str) -> &'static str {
    match region {
        _ if region.starts_with("cn-") => "aws-cn",
        _ if region.starts_with("us-gov-") => "aws-us-gov",
        _ if region.starts_with("us-iso-") => "aws-iso",
        _ if region.starts_with("us-isob-") => "aws-iso-b",
        _ if region.starts_with("eu-isoe-") => "aws-iso-e",
        _ if region.starts_with("us-isof-") => "aws-iso-f",
        _ if region.starts_with("eusc-") => "aws-eusc",
        _ => "aws",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_s_name_is_safe_in_a_host_and_need_not_be_one_of_aws() {
        for region in ["eu-central-1", "us-iso-east-1", "garage", "default", "1", &"a".repeat(32)] {
            assert!(is_region(region), "{region}");
        }
        for other in ["", "Frankfurt", "eu_west", "a.b", "a/b", "a\n", "é", &"a".repeat(33)] {
            assert!(!is_region(other), "{other:?}");
        }
    }

    #[test]
    fn a_region_says_its_partition() {
        for (region, expected) in [
            ("eu-west-1", "aws"),
            ("garage", "aws"),
            ("cn-north-1", "aws-cn"),
            ("us-gov-west-1", "aws-us-gov"),
            ("us-iso-east-1", "aws-iso"),
            ("us-isob-east-1", "aws-iso-b"),
            ("eu-isoe-west-1", "aws-iso-e"),
            ("us-isof-south-1", "aws-iso-f"),
            ("eusc-de-east-1", "aws-eusc"),
        ] {
            assert_eq!(partition(region), expected);
        }
    }
}
