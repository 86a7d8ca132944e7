//! The URL of a bucket, and the signature that requests to it want.
//!
//! The SDK's own endpoint rules are asked, once per bucket and session. They know partitions, FIPS,
//! dual stack, access points, buckets with dots and custom endpoints. Nothing of that is repeated
//! here.

use aws_sdk_s3::config::endpoint::{DefaultResolver, Params, ResolveEndpoint};
use aws_smithy_types::Document;
use futures_util::FutureExt;

use super::SignError;
use crate::aws::{AwsSettings, S3Addressing};

/// Where the objects of one bucket are, and what signatures for them are scoped to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Endpoint {
    /// Scheme and authority, such as `https://my-bucket.s3.eu-west-1.amazonaws.com`.
    pub(super) origin: String,
    /// The `Host` header that a client sends to `origin`.
    pub(super) host: String,
    /// What stands before the key in the path: nothing, or `/bucket` where the host does not name
    /// the bucket.
    pub(super) path: String,
    /// The region that signatures are scoped to.
    pub(super) region: String,
    /// The service that signatures are scoped to: `s3`, or `s3-object-lambda` for some ARNs.
    pub(super) service: String,
}

/// The signature that requests to a bucket want.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum AuthScheme {
    /// Signature Version 4, for this endpoint.
    SigV4(Endpoint),
    /// Signature Version 4A, for all regions at once. The SDK finds the endpoint when it signs.
    SigV4a,
}

/// From where a URL is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// From where recipients are: at `S3_PUBLIC_ENDPOINT`, if it is set.
    Outside,
    /// From where the function is.
    Inside,
}

impl Side {
    /// The side whose endpoint a URL is signed for. There is one for both, unless the settings name
    /// another for the outside.
    pub(super) fn with_an_endpoint(self, settings: &AwsSettings) -> Self {
        if settings.s3_public_endpoint.is_some() { self } else { Self::Inside }
    }

    /// The endpoint of this side, if it is another than AWS's.
    fn endpoint(self, settings: &AwsSettings) -> Option<&String> {
        match self.with_an_endpoint(settings) {
            Self::Outside => settings.s3_public_endpoint.as_ref(),
            Self::Inside => settings.s3_endpoint.as_ref(),
        }
    }
}

/// The endpoint and the signature for `bucket`, seen from `side`.
///
/// # Errors
///
/// [`SignError`] when the rules know no endpoint, or one that wants neither signature.
pub(super) fn resolve(
    bucket: &str,
    region: &str,
    side: Side,
    settings: &AwsSettings,
) -> Result<AuthScheme, SignError> {
    let endpoint = ask_the_rules(bucket, region, side, settings)?;
    let scheme = StatedScheme::of(&endpoint)
        .ok_or_else(|| no_endpoint(bucket, region, "it has no scheme"))?;
    match scheme.name.as_str() {
        "sigv4" => {}
        // Outposts want Signature Version 4A too, with a service name of their own. Nobody has
        // shown that a link to an Outpost opens, so such links are refused.
        "sigv4a" if scheme.service.as_deref() == Some("s3") => return Ok(AuthScheme::SigV4a),
        _ => {
            let (bucket, scheme) = (bucket.to_owned(), scheme.name);
            return Err(SignError::UnsupportedScheme { bucket, scheme });
        }
    }
    let (url_scheme, host, path) =
        parts(endpoint.url()).map_err(|reason| no_endpoint(bucket, region, reason))?;
    Ok(AuthScheme::SigV4(Endpoint {
        origin: format!("{url_scheme}://{host}"),
        host: without_default_port(url_scheme, host).to_owned(),
        path: path.trim_end_matches('/').to_owned(),
        region: scheme.region.unwrap_or_else(|| region.to_owned()),
        service: scheme.service.unwrap_or_else(|| "s3".to_owned()),
    }))
}

/// The origin that links to the bucket's objects lead to: scheme and authority, whatever signature they
/// want.
///
/// # Errors
///
/// [`SignError::NoEndpoint`].
pub(super) fn origin(
    bucket: &str,
    region: &str,
    settings: &AwsSettings,
) -> Result<String, SignError> {
    let endpoint = ask_the_rules(bucket, region, Side::Outside, settings)?;
    let (url_scheme, host, _) =
        parts(endpoint.url()).map_err(|reason| no_endpoint(bucket, region, reason))?;
    Ok(format!("{url_scheme}://{host}"))
}

/// The origin with `*` in place of what names the bucket, as Content Security Policy writes it:
/// `https://*.s3.eu-central-1.amazonaws.com`. The origin itself where its host names no bucket.
///
/// # Errors
///
/// [`SignError::NoEndpoint`].
pub(super) fn origin_of_any_bucket(
    bucket: &str,
    region: &str,
    settings: &AwsSettings,
) -> Result<String, SignError> {
    let origin = origin(bucket, region, settings)?;
    let Some((scheme, host)) = origin.split_once("://") else { return Ok(origin) };
    // A host may begin like the bucket and name none.
    if settings.addressing == S3Addressing::Path {
        return Ok(origin);
    }
    // An access point's host begins with a name that stands in its ARN.
    let named = if bucket.starts_with("arn:") {
        host.split_once('.').map(|(_, rest)| rest)
    } else {
        host.strip_prefix(bucket).and_then(|rest| rest.strip_prefix('.'))
    };
    Ok(named.map_or_else(|| origin.clone(), |rest| format!("{scheme}://*.{rest}")))
}

fn ask_the_rules(
    bucket: &str,
    region: &str,
    side: Side,
    settings: &AwsSettings,
) -> Result<aws_sdk_s3::config::endpoint::Endpoint, SignError> {
    let no_endpoint = |reason: String| no_endpoint(bucket, region, reason);
    let params = Params::builder()
        .bucket(bucket)
        .region(region)
        .use_fips(settings.use_fips)
        .use_dual_stack(settings.use_dual_stack)
        .force_path_style(settings.addressing == S3Addressing::Path)
        .set_endpoint(side.endpoint(settings).cloned())
        .build()
        .map_err(|error| no_endpoint(error.to_string()))?;
    // The default rules are computation only, so their future is ready at once.
    DefaultResolver::new()
        .resolve_endpoint(&params)
        .now_or_never()
        .ok_or_else(|| no_endpoint("the rules did not answer at once".to_owned()))?
        .map_err(|error| no_endpoint(error.to_string()))
}

fn no_endpoint(bucket: &str, region: &str, reason: impl Into<String>) -> SignError {
    SignError::NoEndpoint {
        bucket: bucket.to_owned(),
        region: region.to_owned(),
        reason: reason.into(),
    }
}

/// Scheme, authority and path of an endpoint's URL.
fn parts(url: &str) -> Result<(&str, &str, &str), &'static str> {
    // A custom endpoint may hold anything. No URL has these characters, and a link must be one.
    if !url.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"\\".contains(&byte)) {
        return Err("the endpoint is not a URL");
    }
    let (scheme, rest) = url.split_once("://").ok_or("it has no URL scheme")?;
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    Ok((scheme, host, path))
}

/// The host as clients send it: without the port that is the scheme's default, even if the URL
/// names it.
fn without_default_port<'a>(scheme: &str, host: &'a str) -> &'a str {
    let port = match scheme {
        "https" => ":443",
        "http" => ":80",
        _ => return host,
    };
    host.strip_suffix(port).unwrap_or(host)
}

/// What the rules state about the signature.
struct StatedScheme {
    name: String,
    region: Option<String>,
    service: Option<String>,
}

impl StatedScheme {
    /// The first scheme that is stated. The rules list the preferred one first.
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
