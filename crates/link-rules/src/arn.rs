//! ARNs: `arn:partition:service:region:account:resource`.
//!
//! Nothing else of the project takes an ARN apart, but for the patterns in policies, which
//! [`policy`](crate::policy) compares part by part. Only the shape is checked: which names AWS would
//! refuse is not known here, and S3-compatible servers have ARNs of their own.
//!
//! Source: IAM user guide, "Identify AWS resources with Amazon Resource Names (ARNs)".

use std::fmt;

use crate::region::partition;

/// An ARN, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arn<'a> {
    /// `aws`, or the partition of another set of regions, such as `aws-cn`.
    pub partition: &'a str,
    /// The service, such as `s3`.
    pub service: &'a str,
    /// The region. It is empty where the resource is in none, or in several.
    pub region: &'a str,
    /// The number of the account. It is empty for buckets.
    pub account: &'a str,
    /// What is named. It may hold further colons.
    pub resource: &'a str,
}

impl<'a> Arn<'a> {
    /// Takes an ARN apart. `None`: it lacks one of the six parts, or does not begin with `arn:`.
    #[must_use]
    pub fn parse(arn: &'a str) -> Option<Self> {
        let mut parts = arn.splitn(6, ':');
        if parts.next() != Some("arn") {
            return None;
        }
        let (partition, service) = (parts.next()?, parts.next()?);
        let (region, account, resource) = (parts.next()?, parts.next()?, parts.next()?);
        Some(Self { partition, service, region, account, resource })
    }

    /// The ARN of a role. `path_and_name` is its name, after its path without the first slash.
    #[must_use]
    pub fn role(partition: &str, account: &str, path_and_name: &str) -> String {
        let resource = format!("role/{path_and_name}");
        Arn { partition, service: "iam", region: "", account, resource: &resource }.to_string()
    }

    /// The name of the role that this ARN names, without its path. `None`: it names no role.
    ///
    /// The service and the account are not checked: other servers than AWS's name roles too, such as
    /// `arn:aws:iam:::role/signer`.
    #[must_use]
    pub fn role_name(&self) -> Option<&'a str> {
        let path_and_name = self.resource.strip_prefix("role/")?;
        path_and_name.rsplit('/').next().filter(|name| !name.is_empty())
    }
}

impl fmt::Display for Arn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { partition, service, region, account, resource } = self;
        write!(f, "arn:{partition}:{service}:{region}:{account}:{resource}")
    }
}

/// Whether a name is meant as an ARN. Whether it is a whole one, [`Arn::parse`] says.
#[must_use]
pub fn is_arn(name: &str) -> bool {
    name.starts_with("arn:")
}

/// Whether this is the ARN of a role.
#[must_use]
pub fn is_role(text: &str) -> bool {
    Arn::parse(text).is_some_and(|arn| arn.role_name().is_some())
}

/// The last name in an ARN: `alice` of `arn:aws:iam::123456789012:user/staff/alice`. Of a text without
/// slashes and colons it is the text.
#[must_use]
pub fn last_name(arn: &str) -> &str {
    arn.rsplit(['/', ':']).next().unwrap_or(arn)
}

/// Whether this is the number of an account: twelve digits.
#[must_use]
pub fn is_account(account: &str) -> bool {
    account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether `bucket` is an access point, which is named by its ARN or its alias.
///
/// Source: Amazon S3 user guide, "Referencing access points".
#[must_use]
pub fn is_access_point(bucket: &str) -> bool {
    is_arn(bucket) || bucket.ends_with("-s3alias")
}

/// Whether `bucket` is the ARN of a multi-region access point, whose region is empty.
///
/// Source: Amazon S3 user guide, "Making requests using a Multi-Region Access Point".
#[must_use]
pub fn is_multi_region(bucket: &str) -> bool {
    Arn::parse(bucket).is_some_and(|arn| arn.region.is_empty())
}

/// The ARN of a bucket in a region. The region says the partition. An ARN stays as it is.
#[must_use]
pub fn bucket_arn(bucket: &str, region: &str) -> String {
    if is_arn(bucket) {
        return bucket.to_owned();
    }
    let partition = partition(region);
    Arn { partition, service: "s3", region: "", account: "", resource: bucket }.to_string()
}

/// `arn:partition:lambda:region:account:function:name`. A version or an alias behind the name is
/// not kept: all of them share the execution role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionArn {
    /// The partition.
    pub partition: String,
    /// The region.
    pub region: String,
    /// The number of the account.
    pub account: String,
    /// The function's name.
    pub name: String,
}

impl FunctionArn {
    /// Reads an ARN. `None` if it is not the whole ARN of a function.
    #[must_use]
    pub fn parse(arn: &str) -> Option<Self> {
        let Arn { partition, service: "lambda", region, account, resource } = Arn::parse(arn)?
        else {
            return None;
        };
        let parts: Vec<_> = resource.split(':').collect();
        let (["function", name] | ["function", name, _]) = parts[..] else { return None };
        if !is_account(account) || [partition, region, name].contains(&"") {
            return None;
        }
        let [partition, region, account, name] =
            [partition, region, account, name].map(str::to_owned);
        Some(Self { partition, region, account, name })
    }
}

/// A principal of IAM or STS, as its ARN names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity<'a> {
    /// The partition.
    pub partition: &'a str,
    /// The number of the account.
    pub account: &'a str,
    /// What it is.
    pub kind: IdentityKind<'a>,
}

/// What kind of principal an ARN names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdentityKind<'a> {
    /// An account, which stands for all of its principals.
    Root,
    /// A user.
    User {
        /// The name without a path.
        name: &'a str,
    },
    /// A role.
    Role {
        /// The name without a path: no two roles of an account have the same name.
        name: &'a str,
    },
    /// A session of a role.
    Session {
        /// The role's name. A session's ARN leaves out the role's path.
        role: &'a str,
        /// The session's name.
        session: &'a str,
    },
}

impl<'a> Identity<'a> {
    /// Takes an ARN of IAM or STS apart. `None` for anything else.
    #[must_use]
    pub fn parse(arn: &'a str) -> Option<Self> {
        let Arn { partition, service, region: "", account, resource } = Arn::parse(arn)? else {
            return None;
        };
        let last = |path: &'a str| path.rsplit('/').next().filter(|name| !name.is_empty());
        let kind = match (service, resource.split_once('/')) {
            ("iam", None) if resource == "root" => IdentityKind::Root,
            ("iam", Some(("user", path))) => IdentityKind::User { name: last(path)? },
            ("iam", Some(("role", path))) => IdentityKind::Role { name: last(path)? },
            ("sts", Some(("assumed-role", path))) => {
                let (role, session) = path.split_once('/')?;
                IdentityKind::Session { role, session }
            }
            _ => return None,
        };
        Some(Self { partition, account, kind })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_has_six_parts_and_is_written_as_it_was_read() {
        for text in [
            "arn:aws:s3:::files",
            "arn:aws-cn:lambda:cn-north-1:123456789012:function:signer:live",
            "arn:::::",
        ] {
            assert_eq!(Arn::parse(text).unwrap().to_string(), text);
        }
        let arn = Arn::parse("arn:aws:lambda:eu-west-1:123456789012:function:signer").unwrap();
        assert_eq!((arn.partition, arn.service, arn.region), ("aws", "lambda", "eu-west-1"));
        assert_eq!((arn.account, arn.resource), ("123456789012", "function:signer"));
        for text in ["", "files", "arn:", "arn:aws:s3::123456789012", "ARN:aws:s3:::files"] {
            assert_eq!(Arn::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_role_is_named_by_the_last_part_of_its_path() {
        let name = |arn| Arn::parse(arn).and_then(|arn| arn.role_name());
        assert_eq!(Arn::role("aws", "123456789012", "a/b"), "arn:aws:iam::123456789012:role/a/b");
        assert_eq!(name("arn:aws:iam::123456789012:role/links/signer"), Some("signer"));
        assert_eq!(name("arn:aws:iam:::role/signer"), Some("signer"));
        for other in [
            "arn:aws:iam::123456789012:user/role/signer",
            "arn:aws:sts::123456789012:assumed-role/signer/session",
            "arn:aws:iam::123456789012:role/",
            "role/signer",
        ] {
            assert_eq!(name(other), None, "{other}");
            assert!(!is_role(other), "{other}");
        }
        assert!(is_role("arn:aws:iam::123456789012:role/links/signer"));
    }

    #[test]
    fn the_last_name_of_an_arn_is_neither_its_account_nor_its_path() {
        for (arn, name) in [
            ("arn:aws:iam::123456789012:user/staff/alice", "alice"),
            ("arn:aws:sts::123456789012:assumed-role/reader/session-1", "session-1"),
            ("arn:aws:iam::123456789012:root", "root"),
            ("alice", "alice"),
        ] {
            assert_eq!(last_name(arn), name);
        }
    }

    #[test]
    fn only_the_arn_of_a_multi_region_access_point_names_no_region() {
        let multi_region = "arn:aws:s3::123456789012:accesspoint:mfzwi23gnjvgw.mrap";
        let access_point = "arn:aws:s3:eu-west-1:123456789012:accesspoint:files";
        assert!(is_multi_region(multi_region));
        for bucket in ["files", access_point, ""] {
            assert!(!is_multi_region(bucket), "{bucket}");
        }
        for bucket in [multi_region, access_point, "files-abc-s3alias"] {
            assert!(is_access_point(bucket), "{bucket}");
        }
        assert!(!is_access_point("files"));
    }

    #[test]
    fn a_bucket_is_in_its_region_s_partition() {
        assert_eq!(bucket_arn("files", "eu-west-1"), "arn:aws:s3:::files");
        assert_eq!(bucket_arn("files", "cn-north-1"), "arn:aws-cn:s3:::files");
        assert_eq!(bucket_arn("files", "us-gov-west-1"), "arn:aws-us-gov:s3:::files");
        let access_point = "arn:aws:s3:eu-west-1:123456789012:accesspoint/files";
        assert_eq!(bucket_arn(access_point, "eu-west-1"), access_point);
    }

    #[test]
    fn a_function_s_qualifier_is_left_out() {
        let arn = "arn:aws:lambda:eu-west-1:123456789012:function:signer";
        let function = FunctionArn::parse(arn).unwrap();
        assert_eq!(function.name, "signer");
        for qualifier in ["live", "7", "$LATEST"] {
            let qualified = FunctionArn::parse(&format!("{arn}:{qualifier}")).unwrap();
            assert_eq!(qualified, function);
        }
    }

    #[test]
    fn anything_but_the_whole_arn_of_a_function_is_refused() {
        for arn in [
            "",
            "signer",
            "123456789012:function:signer",
            "arn:aws:lambda:eu-west-1:123456789012:function",
            "arn:aws:lambda:eu-west-1:123456789012:function:",
            "arn:aws:lambda:eu-west-1:123456789012:function:signer:live:x",
            "arn:aws:lambda:eu-west-1:123456789012:layer:signer",
            "arn:aws:iam:eu-west-1:123456789012:function:signer",
            "arn:aws:lambda::123456789012:function:signer",
            "arn::lambda:eu-west-1:123456789012:function:signer",
            "arn:aws:lambda:eu-west-1:1234:function:signer",
            "arn:aws:lambda:eu-west-1::function:signer",
            "ARN:aws:lambda:eu-west-1:123456789012:function:signer",
        ] {
            assert_eq!(FunctionArn::parse(arn), None, "{arn}");
        }
    }

    #[test]
    fn a_principal_s_path_is_left_out_and_a_service_s_is_none() {
        let kind = |arn| Identity::parse(arn).map(|identity| identity.kind);
        let (role, session) = ("signer", "it/self");
        for (arn, expected) in [
            ("arn:aws:iam::123456789012:root", IdentityKind::Root),
            ("arn:aws:iam::123456789012:user/a/alice", IdentityKind::User { name: "alice" }),
            ("arn:aws:iam::123456789012:role/a/signer", IdentityKind::Role { name: role }),
            (
                "arn:aws:sts::123456789012:assumed-role/signer/it/self",
                IdentityKind::Session { role, session },
            ),
        ] {
            assert_eq!(kind(arn), Some(expected));
        }
        for arn in [
            "arn:aws:sts::123456789012:federated-user/bob",
            "arn:aws:sts::123456789012:assumed-role/signer",
            "arn:aws:iam::123456789012:user/",
            "arn:aws:iam:eu-west-1:123456789012:role/signer",
            "arn:aws:s3::123456789012:role/signer",
            "nobody",
        ] {
            assert_eq!(kind(arn), None, "{arn}");
        }
    }
}
