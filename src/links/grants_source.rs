//! The grants that hold now: those that `GRANTS` is, or those of the object in S3 that it names.
//! `MAIL_GRANTS` is added to each reading of the object that names `"s3-event"` in no grant.
//!
//! The object is read before the first event and asked for again once a minute, within an
//! invocation. Between invocations the function is frozen, so nothing is read in the background. A
//! document that is wrong replaces no good one.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use aws_sdk_s3::operation::get_object::GetObjectOutput;
use jiff::SignedDuration;
use link_rules::access::{Grants, GrantsError, validate_bucket};
use link_rules::arn::is_arn;
use thiserror::Error;
use tokio::time::timeout;

use super::Links;
use crate::aws::{Aws, AwsError, CALL_TIMEOUT};
use crate::invocation::Invocation;
use crate::memory::{Age, Failure, Memory};
use crate::telemetry::Counter;

/// How long grants that were read are used without a look at the object.
const RECHECK: SignedDuration = SignedDuration::from_mins(1);

/// The largest object that is read, in bytes.
const MAX_BYTES: usize = 256 * 1_024;

/// The longest key of an object, in bytes.
const MAX_KEY_BYTES: usize = 1_024;

/// Where the grants are.
#[derive(Clone, Debug)]
pub(crate) enum GrantsSetting {
    /// `GRANTS` is the grants. What `MAIL_GRANTS` adds is among them.
    Written(Grants),
    /// `GRANTS` names an object.
    Object {
        /// The object.
        location: ObjectLocation,
        /// `MAIL_GRANTS`. The default is none.
        mails: Grants,
    },
}

/// An object in S3, written as `s3://bucket/key`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ObjectLocation {
    bucket: String,
    key: String,
}

impl ObjectLocation {
    /// Reads `s3://bucket/key`. `None`: it is something else.
    pub(crate) fn parse(written: &str) -> Option<Self> {
        let (bucket, key) = written.strip_prefix("s3://")?.split_once('/')?;
        let is_object = !is_arn(bucket)
            && validate_bucket(bucket).is_ok()
            && (1..=MAX_KEY_BYTES).contains(&key.len())
            && !key.ends_with('/');
        is_object.then(|| Self { bucket: bucket.to_owned(), key: key.to_owned() })
    }
}

impl fmt::Display for ObjectLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}/{}", self.bucket, self.key)
    }
}

/// The object that `GRANTS` names gives no grants. The function does not start.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("GRANTS: {0}")]
pub struct GrantsObjectError(String);

/// Why the object gave no grants. Each is a sentence that names the object.
#[derive(Debug)]
enum Unread {
    /// The document is wrong, or S3 refuses to give it. Somebody has to change something.
    Wrong(String),
    /// S3 gave no answer, or is not able to answer now.
    Unavailable(String),
}

/// What else grants have to be, besides well-formed.
type Validate = Box<dyn Fn(&Grants) -> Result<(), String> + Send + Sync>;

/// Gives each invocation the grants that hold now.
pub(crate) struct GrantsSource {
    /// Those that were read last. Before the first reading, nobody is granted anything.
    current: RwLock<Arc<Grants>>,
    object: Option<GrantsObject>,
}

/// The object that the grants are read from.
struct GrantsObject {
    aws: Aws,
    location: ObjectLocation,
    /// What is added where the document names `"s3-event"` in no grant.
    mails: Grants,
    validate: Validate,
    /// The document that was read last.
    document: Memory<(), Document, Unavailable>,
}

/// A document that was read, whether it is right or wrong.
#[derive(Clone, Debug, Default)]
struct Document {
    etag: Option<String>,
    /// What is wrong with it.
    wrong: Option<String>,
}

/// S3 gave no answer, or is not able to answer now.
#[derive(Clone, Copy, Debug)]
struct Unavailable;

impl Failure for Unavailable {
    fn pause(&self) -> Option<SignedDuration> {
        Some(RECHECK)
    }

    /// S3 is asked for the region and for the object, and then sends its content.
    fn longest(&self) -> SignedDuration {
        SignedDuration::from_secs(12)
    }
}

impl GrantsSource {
    /// Keeps the setting. `validate` says what is wrong with grants for the rest of the function.
    pub(crate) fn new(
        setting: GrantsSetting,
        aws: Aws,
        validate: impl Fn(&Grants) -> Result<(), String> + Send + Sync + 'static,
    ) -> Self {
        let (grants, object) = match setting {
            GrantsSetting::Written(grants) => (grants, None),
            GrantsSetting::Object { location, mails } => {
                let (validate, document) = (Box::new(validate), Memory::new(1));
                (Grants::default(), Some(GrantsObject { aws, location, mails, validate, document }))
            }
        };
        Self { current: RwLock::new(Arc::new(grants)), object }
    }

    /// The grants that were read last.
    pub(crate) fn current(&self) -> Arc<Grants> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads the object before the first event. Does nothing where the grants are a setting.
    ///
    /// # Errors
    ///
    /// [`GrantsObjectError`] if the object gives no grants, for whatever reason.
    pub(crate) async fn read_first(
        &self,
        links: &Links,
        invocation: &Invocation,
    ) -> Result<(), GrantsObjectError> {
        let Some(object) = &self.object else { return Ok(()) };
        object.document.forget();
        let mut why = None;
        let read = async {
            match object.ask(links, None, invocation).await {
                Ok(Some((grants, etag))) => {
                    self.replace(grants);
                    return Ok(Document { etag, wrong: None });
                }
                // Not asked for conditionally, so S3 can't say that nothing changed.
                Ok(None) => why = Some(format!("S3 did not give {}", object.location)),
                Err((Unread::Wrong(reason) | Unread::Unavailable(reason), _)) => why = Some(reason),
            }
            Err(Unavailable)
        };
        // Boxed because the call is large, and is made once in a while.
        let _ = Box::pin(object.document.get_anew(&(), |_| read, invocation)).await;
        why.map_or(Ok(()), |reason| Err(GrantsObjectError(reason)))
    }

    /// The grants for this invocation. If S3 was not asked for a minute, it is asked whether the
    /// object has changed. Whatever it answers, the last good grants are there.
    pub(crate) async fn of_invocation(
        &self,
        links: &Links,
        invocation: &Invocation,
    ) -> Arc<Grants> {
        if let Some(object) = &self.object {
            let is_fresh = |_: &Document, age: Age| age.age < RECHECK;
            let look = |before: Option<Document>| {
                self.look(object, links, before.unwrap_or_default(), invocation)
            };
            let document = Box::pin(object.document.get(&(), is_fresh, look, invocation));
            // An invocation that has little time left goes on with what there is.
            if invocation.in_time(document).await.is_err() {
                object.document.pause(&(), Unavailable, invocation).await;
            }
        }
        self.current()
    }

    /// Asks S3 whether the object has changed. `before` is the document that was read last.
    async fn look(
        &self,
        object: &GrantsObject,
        links: &Links,
        before: Document,
        invocation: &Invocation,
    ) -> Result<Document, Unavailable> {
        let request_id = invocation.request_id();
        match object.ask(links, before.etag.as_deref(), invocation).await {
            Ok(Some((grants, etag))) => {
                if self.replace(grants) {
                    tracing::info!(request_id, "the grants have changed");
                }
                Ok(Document { etag, wrong: None })
            }
            // The document is the one that was read last. That may be a wrong one.
            Ok(None) => {
                if before.wrong.is_some() {
                    invocation.count(Counter::GrantsObjectInvalid);
                }
                Ok(before)
            }
            Err((Unread::Wrong(reason), etag)) => {
                invocation.count(Counter::GrantsObjectInvalid);
                if before.wrong.as_ref() != Some(&reason) {
                    tracing::error!(
                        request_id,
                        reason,
                        "the object in GRANTS is wrong: the last good grants are kept"
                    );
                }
                Ok(Document { etag, wrong: Some(reason) })
            }
            Err((Unread::Unavailable(reason), _)) => {
                tracing::warn!(
                    request_id,
                    reason,
                    "the object in GRANTS can't be read: the grants are kept"
                );
                Err(Unavailable)
            }
        }
    }

    /// Puts these grants in place. Whether they are others than before.
    fn replace(&self, grants: Grants) -> bool {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        let changed = **current != grants;
        *current = Arc::new(grants);
        changed
    }
}

impl GrantsObject {
    /// The grants in the object and its `ETag`. `None`: the object is still the one with `etag`. An
    /// error has the `ETag` of a document that is wrong.
    async fn ask(
        &self,
        links: &Links,
        etag: Option<&str>,
        invocation: &Invocation,
    ) -> Result<Option<(Grants, Option<String>)>, (Unread, Option<String>)> {
        let document =
            self.download(links, etag, invocation).await.map_err(|unread| (unread, None))?;
        let Some((bytes, etag)) = document else { return Ok(None) };
        match self.read(&bytes) {
            Ok(grants) => Ok(Some((grants, etag))),
            Err(reason) => Err((Unread::Wrong(reason), etag)),
        }
    }

    fn read(&self, bytes: &[u8]) -> Result<Grants, String> {
        let location = &self.location;
        let text = str::from_utf8(bytes).map_err(|_| format!("{location} is not UTF-8"))?;
        let grants = Grants::parse(text).map_err(|error| match error {
            GrantsError::Field { .. } | GrantsError::UnknownField { .. } => {
                format!("{location} has a wrong grant: {error}")
            }
            GrantsError::Syntax(_) | GrantsError::NotAnArray | GrantsError::Empty => {
                format!("{location} {error}")
            }
        })?;
        let grants = grants.with_mail_grants(&self.mails);
        grants
            .check_uploads(Some((&location.bucket, &location.key)))
            .map_err(|error| format!("{location} has a wrong grant: {error}"))?;
        (self.validate)(&grants).map_err(|reason| format!("{location} does not do: {reason}"))?;
        Ok(grants)
    }

    /// The object's content and `ETag`, unless it is still the one with `etag`.
    async fn download(
        &self,
        links: &Links,
        etag: Option<&str>,
        invocation: &Invocation,
    ) -> Result<Option<(Vec<u8>, Option<String>)>, Unread> {
        let Self { location: location @ ObjectLocation { bucket, key }, .. } = self;
        let credentials = links.sessions.credentials(invocation).await;
        let credentials = credentials.map_err(|error| Unread::Unavailable(error.to_string()))?;
        let region = links.regions.region_of(bucket, &credentials, invocation).await;
        let region = region.map_err(|error| Unread::Unavailable(error.to_string()))?;
        let client = self.aws.s3(&region, &credentials, invocation);
        let call = client.get_object().bucket(bucket).key(key);
        let call = call.set_if_none_match(etag.map(str::to_owned));
        // The future is boxed because the SDK's futures are large.
        let answer = match Box::pin(call.send()).await {
            Ok(answer) => content(answer).await.map(Some),
            Err(error) => match error.raw_response() {
                Some(response) if response.status().as_u16() == 304 => Ok(None),
                _ => Err(AwsError::from_sdk(&error)),
            },
        };
        match answer {
            Ok(None) => Ok(None),
            Ok(Some((Content::Whole(bytes), etag))) => Ok(Some((bytes, etag))),
            Ok(Some((Content::TooLarge(bytes), _))) => Err(Unread::Wrong(format!(
                "{location} has {bytes} bytes, and at most {MAX_BYTES} are read"
            ))),
            Err(error @ AwsError::Refused { .. }) => Err(Unread::Wrong(format!(
                "S3 refused GetObject on {location} ({error}): check that the object exists, and \
                 allow s3:GetObject on it to the function's role"
            ))),
            Err(error) => Err(Unread::Unavailable(format!("S3 did not give {location}: {error}"))),
        }
    }
}

/// What an object holds.
enum Content {
    Whole(Vec<u8>),
    /// It was not read. Its length in bytes.
    TooLarge(i64),
}

/// The object's content and its `ETag`. The SDK's time-outs end with the headers, so the body has
/// one of its own.
async fn content(answer: GetObjectOutput) -> Result<(Content, Option<String>), AwsError> {
    let etag = answer.e_tag().map(str::to_owned);
    let length = answer.content_length().unwrap_or_default();
    if usize::try_from(length).is_ok_and(|length| length > MAX_BYTES) {
        return Ok((Content::TooLarge(length), etag));
    }
    let unread = || AwsError::NoResponse("its content did not arrive".to_owned());
    let read = timeout(CALL_TIMEOUT, answer.body.collect()).await;
    let body = read.map_err(|_: tokio::time::error::Elapsed| unread())?.map_err(|_| unread())?;
    Ok((Content::Whole(body.to_vec()), etag))
}

/// Shows where the grants are from.
impl fmt::Debug for GrantsSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let location = self.object.as_ref().map(|object| &object.location);
        f.debug_struct("GrantsSource")
            .field("current", &self.current())
            .field("object", &location)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_object_s_place_is_one() {
        let location = ObjectLocation::parse("s3://my-config/links/grants.json").unwrap();
        assert_eq!((&*location.bucket, &*location.key), ("my-config", "links/grants.json"));
        assert_eq!(location.to_string(), "s3://my-config/links/grants.json");
        let long = format!("s3://my-config/{}", "a".repeat(1_025));
        for other in [
            "my-config/grants.json",
            "https://my-config/grants.json",
            "s3://my-config",
            "s3://my-config/",
            "s3://my-config/folder/",
            "s3:///grants.json",
            "s3://my config/grants.json",
            "s3://arn:aws:s3:eu-west-1:123456789012:accesspoint/x/grants.json",
            "s3://a--x-s3/grants.json",
            &long,
        ] {
            assert_eq!(ObjectLocation::parse(other), None, "{other}");
        }
    }
}
