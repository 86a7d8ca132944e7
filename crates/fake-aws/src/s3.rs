//! S3: objects with their versions, opened whole or by a range, and what buckets are asked about.
//!
//! A bucket's policy is handed out and not evaluated.
//!
//! Source: Amazon S3 API reference.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::call::{Call, Operation, Service};
use crate::reply::Reply;

/// A bucket.
#[derive(Clone, Debug)]
pub struct Bucket {
    /// The versions of each object by its key. The last one is current.
    pub objects: BTreeMap<String, Vec<Object>>,
    /// What it has under every other key, at every version. `None`: nothing.
    pub otherwise: Option<Object>,
    /// The policy. `None`: it has none.
    pub policy: Option<Value>,
    /// The region.
    pub region: String,
}

/// One version of an object, or the only one.
#[derive(Clone, Debug)]
pub struct Object {
    version_id: Option<String>,
    etag: String,
    size: u64,
    headers: Vec<(String, String)>,
    /// Whether this is no object but the mark that the versions before it are deleted.
    is_delete_marker: bool,
}

impl Default for Bucket {
    fn default() -> Self {
        let region = "eu-west-1".to_owned();
        Self { objects: BTreeMap::new(), otherwise: None, policy: None, region }
    }
}

impl Bucket {
    /// Puts an object into the bucket. It becomes the current one of its key. One without a version
    /// takes the place of the one before.
    pub fn put(&mut self, key: &str, object: Object) {
        let versions = self.objects.entry(key.to_owned()).or_default();
        versions.retain(|version| version.version_id != object.version_id);
        versions.push(object);
    }

    /// The current version of an object.
    ///
    /// # Panics
    ///
    /// If there is no such object.
    pub fn current(&mut self, key: &str) -> &mut Object {
        let versions = self.objects.get_mut(key).and_then(|versions| versions.last_mut());
        versions.unwrap_or_else(|| panic!("there is no {key}"))
    }

    /// The version that a call names, or the current one. The error is S3's.
    fn find(&self, call: &Call) -> Result<Object, Reply> {
        let wanted = call.query_parameter("versionId");
        let (versions, wanted) = match (self.objects.get(&call.key()), &self.otherwise, wanted) {
            (None, Some(object), wanted) => {
                let version_id = wanted.or_else(|| object.version_id.clone());
                return Ok(Object { version_id, ..object.clone() });
            }
            (versions, _, wanted) => (versions, wanted),
        };
        let mut versions = versions.into_iter().flatten().rev().cloned();
        let Some(wanted) = wanted else {
            let current = versions.next().filter(|object| !object.is_delete_marker);
            return current.ok_or_else(|| Reply::s3_error(404, "NoSuchKey"));
        };
        let id = |object: &Object| object.version_id.clone().unwrap_or("null".to_owned());
        match versions.find(|object| id(object) == wanted) {
            Some(object) if object.is_delete_marker => {
                Err(Reply::s3_error(405, "MethodNotAllowed"))
            }
            Some(object) => Ok(object),
            None => Err(Reply::s3_error(404, "NoSuchVersion")),
        }
    }
}

impl Object {
    /// An object of so many bytes, without a version.
    #[must_use]
    pub fn of_size(size: u64) -> Self {
        let etag = "e1".to_owned();
        Self { version_id: None, etag, size, headers: Vec::new(), is_delete_marker: false }
    }

    /// The mark that the versions before it are deleted.
    #[must_use]
    pub fn delete_marker(version_id: &str) -> Self {
        Self { is_delete_marker: true, ..Self::of_size(0).version(version_id) }
    }

    /// The same with this version, if there is one.
    #[must_use]
    pub fn version<'a>(self, version_id: impl Into<Option<&'a str>>) -> Self {
        Self { version_id: version_id.into().map(str::to_owned), ..self }
    }

    /// The same with this `ETag`, which is written without quotes. Without one it is `e1`.
    #[must_use]
    pub fn etag(self, etag: &str) -> Self {
        Self { etag: etag.to_owned(), ..self }
    }

    /// The same with this header in each answer about it, if there is a value.
    #[must_use]
    pub fn with_header<'a>(mut self, name: &str, value: impl Into<Option<&'a str>>) -> Self {
        self.set_header(name, value.into());
        self
    }

    /// Sets a header of each answer about the object, or takes it away.
    pub fn set_header(&mut self, name: &str, value: Option<&str>) {
        self.headers.retain(|(known, _)| known != name);
        self.headers.extend(value.map(|value| (name.to_owned(), value.to_owned())));
    }

    /// What S3 says of the object, without its content.
    fn described(&self, mut reply: Reply) -> Reply {
        reply = reply.with_header("etag", &format!("\"{}\"", self.etag));
        if let Some(version_id) = &self.version_id {
            reply = reply.with_header("x-amz-version-id", version_id);
        }
        self.headers.iter().fold(reply, |reply, (name, value)| reply.with_header(name, value))
    }

    /// The content that a call asks for: all of it, or a range.
    fn content(&self, call: &Call) -> Reply {
        let Some(range) = call.header("range").and_then(|range| range.strip_prefix("bytes="))
        else {
            return self.described(Reply::document(&self.bytes(0, self.size)));
        };
        let (first, last) = range.split_once('-').expect("a range has two ends");
        let first: u64 = first.parse().expect("a range begins at a byte");
        if first >= self.size {
            let range = format!("bytes */{}", self.size);
            return Reply::s3_error(416, "InvalidRange").with_header("content-range", &range);
        }
        let last = last.parse().unwrap_or(u64::MAX).min(self.size - 1);
        let range = format!("bytes {first}-{last}/{}", self.size);
        self.described(Reply::part(&self.bytes(first, last + 1), &range))
    }

    /// The bytes from `begin` until before `end`. What an object holds is of no interest.
    fn bytes(&self, begin: u64, end: u64) -> String {
        assert!(begin <= end && end <= self.size);
        "x".repeat(usize::try_from(end - begin).unwrap())
    }
}

impl Reply {
    /// A part of an object. `range` says which.
    #[must_use]
    pub fn part(content: &str, range: &str) -> Self {
        Self { status: 206, ..Self::document(content) }.with_header("content-range", range)
    }

    /// S3's error document.
    #[must_use]
    pub fn s3_error(status: u16, code: &str) -> Self {
        Self::error(Service::S3, status, code, "no")
    }

    /// S3's refusal with the reason that it gives to principals of the bucket's own account.
    #[must_use]
    pub fn denial(why: &str) -> Self {
        Self::error(Service::S3, 403, "AccessDenied", why)
    }

    /// The answer to `GetPublicAccessBlock`: each of the four settings, `true` or `false`.
    #[must_use]
    pub fn public_access_block([acls, ignore, policy, restrict]: [&str; 4]) -> Self {
        Self::document(&format!(
            "<PublicAccessBlockConfiguration><BlockPublicAcls>{acls}</BlockPublicAcls>\
             <IgnorePublicAcls>{ignore}</IgnorePublicAcls><BlockPublicPolicy>{policy}</BlockPublicPolicy>\
             <RestrictPublicBuckets>{restrict}</RestrictPublicBuckets></PublicAccessBlockConfiguration>"
        ))
    }

    /// The answer to `GetBucketPolicyStatus`: `true` or `false`.
    #[must_use]
    pub fn policy_status(is_public: &str) -> Self {
        Self::document(&format!("<PolicyStatus><IsPublic>{is_public}</IsPublic></PolicyStatus>"))
    }

    /// The answer to `GetBucketEncryption`: the algorithm, and the element that names a key.
    #[must_use]
    pub fn default_encryption(algorithm: &str, key: &str) -> Self {
        Self::document(&format!(
            "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault>\
             <SSEAlgorithm>{algorithm}</SSEAlgorithm>{key}</ApplyServerSideEncryptionByDefault></Rule>\
             </ServerSideEncryptionConfiguration>"
        ))
    }
}

/// Answers a call as a private bucket of the template does.
pub(crate) fn respond(call: &Call, bucket: &Bucket) -> Reply {
    match call.operation {
        Operation::GetObject => bucket.find(call).map_or_else(|error| error, |it| it.content(call)),
        Operation::HeadObject => bucket.find(call).map_or_else(
            |error| Reply { body: String::new(), ..error },
            |object| {
                let length = object.size.to_string();
                object.described(Reply::status(200).with_header("content-length", &length))
            },
        ),
        Operation::HeadBucket => {
            Reply::status(200).with_header("x-amz-bucket-region", &bucket.region)
        }
        Operation::GetBucketPolicy => match &bucket.policy {
            Some(policy) => Reply::json(policy),
            None => Reply::s3_error(404, "NoSuchBucketPolicy"),
        },
        Operation::GetBucketPolicyStatus => Reply::policy_status("false"),
        Operation::GetPublicAccessBlock => Reply::public_access_block(["true"; 4]),
        Operation::GetBucketEncryption => Reply::default_encryption("AES256", ""),
        Operation::GetObjectTagging => Reply::s3_error(403, "AccessDenied"),
        Operation::GetBucketCors => Reply::s3_error(404, "NoSuchCORSConfiguration"),
        // Nothing is uploaded here.
        Operation::CompleteMultipartUpload | Operation::ListParts => {
            Reply::s3_error(404, "NoSuchUpload")
        }
        _ => Reply::s3_error(404, "NoSuchLifecycleConfiguration"),
    }
}
