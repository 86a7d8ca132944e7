//! May scripts of pages upload? Programs on servers need no CORS.
//!
//! S3 takes the first rule that has the page's origin, the request's method and all of its headers. So what
//! an origin may do is what any of its rules allow.
//!
//! Source: Amazon S3 user guide, "Elements of a CORS configuration".

use std::collections::BTreeSet;

use aws_sdk_s3::types::CorsRule;
use link_rules::access::UploadRules;
use link_rules::object::ObjectRef;

use super::super::commands::command;
use super::super::{Check, DoctorContext, Outcome};
use crate::uploads::visit_requests;

/// How many origins are told of.
const MAX_ORIGINS: usize = 8;

/// The longest origin that is shown, in bytes.
const MAX_ORIGIN_BYTES: usize = 256;

/// A header that pages read of each part.
const ETAG: &str = "ETag";

/// A header that pages may want to read of an upload in parts.
const ABORT_DATE: &str = "x-amz-abort-date";

/// A request that a page's script sends.
struct PageRequest {
    method: &'static str,
    headers: Vec<String>,
}

/// The checks, one for each origin.
pub(super) fn checks(examined: &DoctorContext<'_>, rules: Option<&UploadRules>) -> Vec<Check> {
    let new = |outcome, sentence: String| Check::new("cors", outcome, sentence);
    let cors = match &examined.facts.cors {
        Err(why) => {
            let sentence = format!("{why} Programs on servers need no CORS.");
            return vec![new(Outcome::Unknown, sentence)];
        }
        Ok(cors) => cors,
    };
    let origins: BTreeSet<_> =
        cors.iter().flat_map(CorsRule::allowed_origins).filter(|it| is_showable(it)).collect();
    if origins.is_empty() {
        let sentence = "The bucket has no CORS rules, so no page can upload. Programs on servers can. This gives \
                        the pages of an origin what they need:";
        let commands = examined.facts.bucket.as_ref().ok().map(|bucket| allow(bucket));
        let check = new(Outcome::Depends, sentence.to_owned());
        return vec![check.with_commands(commands.into_iter().collect())];
    }
    let Some(requests) = rules.and_then(|rules| page_requests(examined, rules)) else {
        let why = "What pages may do can't be told, because no grant covers the key.";
        return vec![new(Outcome::Unknown, why.to_owned())];
    };
    let checks = origins.into_iter().take(MAX_ORIGINS).map(|origin| {
        let of_origin = cors.iter().filter(|rule| {
            rule.allowed_origins().iter().any(|allowed| matches(allowed, origin))
        });
        let missing = missing(&of_origin.collect::<Vec<_>>(), &requests);
        if missing.is_empty() {
            new(Outcome::Ok, format!("Pages at {origin} can upload."))
        } else {
            let missing = missing.join("; ");
            let sentence = format!(
                "Pages at {origin} can't do all that uploads take: {missing}. Programs on servers can."
            );
            new(Outcome::Depends, sentence)
        }
    });
    checks.collect()
}

/// What pages send under the grant. The browser itself sends `content-length` and `host`.
fn page_requests(examined: &DoctorContext<'_>, rules: &UploadRules) -> Option<Vec<PageRequest>> {
    let facts = examined.facts;
    let (bucket, region) = (facts.bucket.as_ref().ok()?, facts.region.as_ref().ok()?);
    let object = ObjectRef { bucket, region, key: &examined.question.key, version_id: None };
    let mut requests = Vec::new();
    visit_requests(object, rules, |planned| {
        let (method, headers) = match planned.operation {
            Some(operation) => (operation.method(), planned.headers),
            // The fields of a form are no headers.
            None => ("POST", &[][..]),
        };
        let headers = headers.iter().map(|(name, _)| (*name).to_owned());
        let mut headers: Vec<_> = headers.filter(|name| name != "content-length").collect();
        if matches!(planned.name, "PutObject" | "CreateMultipartUpload") {
            headers.extend(rules.callers_headers());
        }
        requests.push(PageRequest { method, headers });
    });
    Some(requests)
}

/// What the rules of an origin lack.
fn missing(rules: &[&CorsRule], requests: &[PageRequest]) -> Vec<String> {
    let mut methods = BTreeSet::new();
    let mut headers = BTreeSet::new();
    let mut exposed = BTreeSet::new();
    for request in requests {
        let of_method: Vec<_> = rules
            .iter()
            .filter(|rule| rule.allowed_methods().iter().any(|it| it == request.method))
            .collect();
        if of_method.is_empty() {
            methods.insert(request.method);
            continue;
        }
        let lacks = |rule: &CorsRule| {
            let allows = |name: &String| rule.allowed_headers().iter().any(|it| matches(it, name));
            request.headers.iter().filter(|name| !allows(name)).cloned().collect::<Vec<_>>()
        };
        let lacking = of_method.iter().map(|rule| (lacks(rule), rule)).min_by_key(|it| it.0.len());
        let Some((lacking, rule)) = lacking else { continue };
        headers.extend(lacking);
        let wanted = match request.method {
            "PUT" => [ETAG].as_slice(),
            "POST" => [ABORT_DATE].as_slice(),
            _ => &[],
        };
        let is_exposed =
            |name: &&&str| rule.expose_headers().iter().any(|it| it.eq_ignore_ascii_case(name));
        exposed.extend(wanted.iter().filter(|name| !is_exposed(name)).copied());
    }
    let lists = [
        ("AllowedMethods", methods.into_iter().map(str::to_owned).collect::<Vec<_>>()),
        ("AllowedHeaders", headers.into_iter().collect()),
        ("ExposeHeaders", exposed.into_iter().map(str::to_owned).collect()),
    ];
    let lists = lists.into_iter().filter(|(_, missing)| !missing.is_empty());
    lists.map(|(list, missing)| format!("{list} lacks {}", missing.join(", "))).collect()
}

/// Whether a text of a rule, which may have one star, means `text`. Case does not matter to headers, and
/// origins are in lower case.
fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.to_ascii_lowercase(), text.to_ascii_lowercase());
    match pattern.split_once('*') {
        None => pattern == text,
        Some((before, after)) => {
            text.len() >= before.len() + after.len()
                && text.starts_with(before)
                && text.ends_with(after)
        }
    }
}

/// Whether this can be shown. A rule's origin is an upstream's word.
fn is_showable(origin: &str) -> bool {
    (1..=MAX_ORIGIN_BYTES).contains(&origin.len())
        && origin.bytes().all(|byte| byte.is_ascii_graphic())
        && !origin.contains("X-Amz")
}

/// The command that gives a bucket without rules those that pages need.
fn allow(bucket: &str) -> String {
    let rules = r#"{"CORSRules":[{"AllowedOrigins":["https://ORIGIN"],"AllowedMethods":["GET","HEAD","PUT","POST","DELETE"],"AllowedHeaders":["range","content-type","if-none-match","x-amz-*"],"ExposeHeaders":["ETag","x-amz-abort-date"],"MaxAgeSeconds":3600}]}"#;
    command(&["aws", "s3api", "put-bucket-cors", "--bucket", bucket, "--cors-configuration", rules])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(methods: &[&str], headers: &[&str], exposed: &[&str]) -> CorsRule {
        let owned = |words: &[&str]| Some(words.iter().map(ToString::to_string).collect());
        CorsRule::builder()
            .allowed_origins("*")
            .set_allowed_methods(owned(methods))
            .set_allowed_headers(owned(headers))
            .set_expose_headers(owned(exposed))
            .build()
            .unwrap()
    }

    fn lacking(rules: &[CorsRule]) -> String {
        let request = |method, headers: &[&str]| PageRequest {
            method,
            headers: headers.iter().map(ToString::to_string).collect(),
        };
        let requests = [
            request("PUT", &["content-type", "if-none-match"]),
            request("POST", &["content-type", "x-amz-storage-class"]),
            request("GET", &[]),
            request("DELETE", &[]),
        ];
        missing(&rules.iter().collect::<Vec<_>>(), &requests).join("; ")
    }

    #[test]
    fn rules_together_may_allow_what_none_does_alone() {
        let all = ["GET", "PUT", "POST", "DELETE"];
        let headers = ["Content-Type", "if-none-match", "x-amz-*"];
        assert_eq!(lacking(&[rule(&all, &headers, &["etag", "X-Amz-Abort-Date"])]), "");
        let put = rule(&["PUT"], &["*"], &["ETag"]);
        let rest = rule(&["GET", "POST", "DELETE"], &["*"], &["x-amz-abort-date"]);
        assert_eq!(lacking(&[put.clone(), rest]), "");
        // One rule must allow all headers of a request.
        let halves = [
            rule(&all, &["content-type"], &["ETag", "x-amz-abort-date"]),
            rule(&all, &["if-none-match", "x-amz-*"], &["ETag", "x-amz-abort-date"]),
        ];
        assert!(lacking(&halves).starts_with("AllowedHeaders lacks "), "{}", lacking(&halves));
        assert_eq!(lacking(&[put]), "AllowedMethods lacks DELETE, GET, POST");
    }

    #[test]
    fn what_is_missing_is_named() {
        assert_eq!(
            lacking(&[rule(&["GET", "PUT", "POST"], &["content-type"], &[])]),
            "AllowedMethods lacks DELETE; AllowedHeaders lacks if-none-match, x-amz-storage-class; \
             ExposeHeaders lacks ETag, x-amz-abort-date"
        );
    }

    #[test]
    fn one_star_stands_for_any_text() {
        for (pattern, text, expected) in [
            ("*", "https://a.example", true),
            ("https://*.example", "https://a.example", true),
            ("https://*.example", "https://a.example.org", false),
            ("x-amz-*", "X-Amz-Meta-A", true),
            ("ab*ba", "aba", false),
            ("https://a.example", "https://b.example", false),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }
}
