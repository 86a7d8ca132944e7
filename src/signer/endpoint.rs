//! Where a bucket is reached, and what its signatures are scoped to. For partitions, FIPS, dual
//! stack, access points, buckets with dots and custom endpoints the SDK's own endpoint rules are
//! asked, once per bucket; nothing of that is repeated here.
//!
//! What they say of a bucket with nothing of that is known without asking ([`plain`]): to be asked,
//! they first parse the SDK's list of partitions, which takes nearly as much as all else that the
//! function does before its first answer.

use aws_sdk_s3::config::endpoint::{DefaultResolver, Params, ResolveEndpoint};
use aws_smithy_types::Document;
use futures_util::FutureExt;

use super::{SignError, SignerSettings};

/// One bucket's place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Scheme and authority, such as `https://my-bucket.s3.eu-west-1.amazonaws.com`.
    pub origin: String,
    /// The `Host` header a client sends to `origin`.
    pub host: String,
    /// What stands before the key in the path: nothing, or `/bucket` where the host can't say it.
    pub path: String,
    /// The region signatures are scoped to.
    pub region: String,
    /// The service signatures are scoped to: `s3`, or `s3-object-lambda` for some ARNs.
    pub service: String,
}

/// What a bucket's links are signed with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Signature Version 4, for this endpoint.
    SigV4(Endpoint),
    /// Signature Version 4A, for all regions at once. Where to is for the SDK to know.
    SigV4a,
}

/// Where the links to `bucket` lead, and what they are signed with.
///
/// # Errors
///
/// [`SignError`] when the rules know no endpoint, or one that takes neither scheme.
pub fn resolve(bucket: &str, region: &str, settings: &SignerSettings) -> Result<Scheme, SignError> {
    match plain(bucket, region, settings) {
        Some(endpoint) => Ok(Scheme::SigV4(endpoint)),
        None => ask_the_rules(bucket, region, settings),
    }
}

/// Prefixes of the regions of the partition `aws`, as the SDK's list of partitions has them.
const AWS: [&str; 9] = ["af", "ap", "ca", "eu", "il", "me", "mx", "sa", "us"];

/// What the rules say of a plain bucket of the partition `aws`; `None` for all that may be anything
/// else. A property test holds it to the SDK's own URLs.
fn plain(bucket: &str, region: &str, settings: &SignerSettings) -> Option<Endpoint> {
    let lower_or_digit = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_label = bucket.bytes().all(|byte| lower_or_digit(byte) || byte == b'-')
        && (3..=63).contains(&bucket.len())
        && !bucket.starts_with('-')
        && !bucket.ends_with('-');
    // With two hyphens begin the endings of directory buckets, Outposts and the like.
    let is_plain = is_label && !bucket.contains("--") && *settings == SignerSettings::default();

    // Three parts: `us-gov-west-1` and `eu-isoe-west-1` are of other partitions.
    let parts: Vec<_> = region.split('-').collect();
    let is_aws = matches!(parts[..], [prefix, name, number]
        if AWS.contains(&prefix)
            && !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_lowercase())
            && !number.is_empty()
            && number.bytes().all(|byte| byte.is_ascii_digit()));

    (is_plain && is_aws).then(|| {
        let host = format!("{bucket}.s3.{region}.amazonaws.com");
        Endpoint {
            origin: format!("https://{host}"),
            host,
            path: String::new(),
            region: region.to_owned(),
            service: "s3".to_owned(),
        }
    })
}

fn ask_the_rules(
    bucket: &str,
    region: &str,
    settings: &SignerSettings,
) -> Result<Scheme, SignError> {
    let no_endpoint = |reason: String| SignError::NoEndpoint {
        bucket: bucket.to_owned(),
        region: region.to_owned(),
        reason,
    };
    let params = Params::builder()
        .bucket(bucket)
        .region(region)
        .use_fips(settings.use_fips)
        .use_dual_stack(settings.use_dual_stack)
        .set_endpoint(settings.endpoint.clone())
        .build()
        .map_err(|error| no_endpoint(error.to_string()))?;
    // The default rules are plain computation: their future is ready from the start.
    let endpoint = DefaultResolver::new()
        .resolve_endpoint(&params)
        .now_or_never()
        .ok_or_else(|| no_endpoint("the rules did not answer at once".to_owned()))?
        .map_err(|error| no_endpoint(error.to_string()))?;

    let stated = Stated::of(&endpoint).ok_or_else(|| no_endpoint("it has no scheme".to_owned()))?;
    match stated.name.as_str() {
        "sigv4" => {}
        // Outposts want it too, under a name of their own. Nobody has seen such a link open.
        "sigv4a" if stated.service.as_deref() == Some("s3") => return Ok(Scheme::SigV4a),
        _ => {
            let (bucket, scheme) = (bucket.to_owned(), stated.name);
            return Err(SignError::OtherScheme { bucket, scheme });
        }
    }
    let url = endpoint.url();
    // It comes into answers as it is.
    if !url.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"\\".contains(&byte)) {
        return Err(no_endpoint("what it has is no URL".to_owned()));
    }
    let (scheme_name, rest) =
        url.split_once("://").ok_or_else(|| no_endpoint("it has no scheme".to_owned()))?;
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    Ok(Scheme::SigV4(Endpoint {
        origin: format!("{scheme_name}://{host}"),
        host: without_default_port(scheme_name, host).to_owned(),
        path: path.trim_end_matches('/').to_owned(),
        region: stated.region.unwrap_or_else(|| region.to_owned()),
        service: stated.service.unwrap_or_else(|| "s3".to_owned()),
    }))
}

/// A client leaves the scheme's own port out of the `Host` header, even if the URL has it.
fn without_default_port<'a>(scheme: &str, host: &'a str) -> &'a str {
    let port = match scheme {
        "https" => ":443",
        "http" => ":80",
        _ => return host,
    };
    host.strip_suffix(port).unwrap_or(host)
}

/// What the rules say about signing.
struct Stated {
    name: String,
    region: Option<String>,
    service: Option<String>,
}

impl Stated {
    /// The first scheme named: the rules list the preferred one first.
    fn of(endpoint: &aws_sdk_s3::config::endpoint::Endpoint) -> Option<Self> {
        if let Some(scheme) = endpoint.auth_schemes().first() {
            return Some(Self::read(scheme.name(), |name| scheme.get(name)));
        }
        let listed = endpoint.properties().get("authSchemes")?.as_array()?.first()?.as_object()?;
        Some(Self::read(listed.get("name")?.as_string()?, |name| listed.get(name)))
    }

    fn read<'a>(name: &str, get: impl Fn(&str) -> Option<&'a Document>) -> Self {
        let text = |name| get(name).and_then(Document::as_string).map(str::to_owned);
        Self { name: name.to_owned(), region: text("signingRegion"), service: text("signingName") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_most_have_is_known_without_asking() {
        for (bucket, region) in [("files", "eu-west-1"), ("my-files-2026", "us-east-1")] {
            assert!(plain(bucket, region, &SignerSettings::default()).is_some(), "{bucket}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            cases: 2_000,
            failure_persistence: None,
            ..ProptestConfig::default()
        })]

        #[test]
        fn what_is_known_without_asking_is_what_the_rules_say(
            bucket in prop_oneof![
                3 => "[a-z0-9.-]{1,8}(-{0,2}(x-s3|xa-s3|op-s3|ol-s3|s3alias|mrap|table-s3|an))?",
                1 => "[a-z0-9]{61,65}",
            ],
            region in prop_oneof![
                "(af|ap|ca|cn|eu|il|me|mx|sa|us|eusc|aws|xx)-(east|gov|isob|de|global|north)?(-west)?-?[0-9]{0,2}",
                Just("eu-west-1".to_owned()),
            ],
            use_fips in any::<bool>(),
            use_dual_stack in any::<bool>(),
            endpoint in prop::option::of(Just("https://s3.example.com".to_owned())),
        ) {
            let settings = SignerSettings { endpoint, use_fips, use_dual_stack };
            for settings in [settings, SignerSettings::default()] {
                if let Some(endpoint) = plain(&bucket, &region, &settings) {
                    let rules = ask_the_rules(&bucket, &region, &settings);
                    prop_assert_eq!(rules, Ok(Scheme::SigV4(endpoint)));
                }
            }
        }
    }
}
