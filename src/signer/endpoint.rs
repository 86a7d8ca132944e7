//! Where a bucket is reached, and what its signatures are scoped to: the SDK's own endpoint rules,
//! asked once per bucket. They know partitions, FIPS, dual stack, access points, buckets with dots
//! and custom endpoints; nothing of that is repeated here.

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
    /// The service signatures are scoped to: `s3`, or `s3-outposts` and the like for some ARNs.
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

/// Asks the rules.
///
/// # Errors
///
/// [`SignError`] when they know no endpoint, or one that takes neither scheme.
pub fn resolve(bucket: &str, region: &str, settings: &SignerSettings) -> Result<Scheme, SignError> {
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
        "sigv4a" => return Ok(Scheme::SigV4a),
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
