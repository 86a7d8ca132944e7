//! A call of an AWS service, read from an HTTP request.

use std::collections::HashMap;

use percent_encoding::percent_decode_str;
use serde_json::Value;

use crate::http::Request;

/// The services that the function calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs, reason = "these are AWS's names")]
pub enum Service {
    S3,
    Sts,
    Ses,
    DynamoDb,
}

/// The operations that the fake AWS knows, by AWS's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs, reason = "these are AWS's names")]
pub enum Operation {
    GetObject,
    HeadObject,
    HeadBucket,
    GetBucketPolicy,
    GetBucketPolicyStatus,
    GetPublicAccessBlock,
    GetBucketEncryption,
    GetBucketLifecycleConfiguration,
    GetBucketCors,
    GetObjectTagging,
    CompleteMultipartUpload,
    ListParts,
    GetWebIdentityToken,
    AssumeRole,
    GetCallerIdentity,
    SendEmail,
    GetItem,
    BatchGetItem,
    PutItem,
    UpdateItem,
    Query,
    Scan,
    /// A request that asks for none of the operations above.
    Unknown,
}

impl Operation {
    /// All of them, with their services. `Unknown` belongs to none.
    const ALL: [(Self, Service); 22] = [
        (Self::GetObject, Service::S3),
        (Self::HeadObject, Service::S3),
        (Self::HeadBucket, Service::S3),
        (Self::GetBucketPolicy, Service::S3),
        (Self::GetBucketPolicyStatus, Service::S3),
        (Self::GetPublicAccessBlock, Service::S3),
        (Self::GetBucketEncryption, Service::S3),
        (Self::GetBucketLifecycleConfiguration, Service::S3),
        (Self::GetBucketCors, Service::S3),
        (Self::GetObjectTagging, Service::S3),
        (Self::CompleteMultipartUpload, Service::S3),
        (Self::ListParts, Service::S3),
        (Self::GetWebIdentityToken, Service::Sts),
        (Self::AssumeRole, Service::Sts),
        (Self::GetCallerIdentity, Service::Sts),
        (Self::SendEmail, Service::Ses),
        (Self::GetItem, Service::DynamoDb),
        (Self::BatchGetItem, Service::DynamoDb),
        (Self::PutItem, Service::DynamoDb),
        (Self::UpdateItem, Service::DynamoDb),
        (Self::Query, Service::DynamoDb),
        (Self::Scan, Service::DynamoDb),
    ];

    /// The service of the operation. `None`: it is unknown.
    #[must_use]
    pub fn service(self) -> Option<Service> {
        Self::ALL.into_iter().find(|(operation, _)| *operation == self).map(|(_, service)| service)
    }

    /// The operation with this name.
    ///
    /// # Panics
    ///
    /// If there is none.
    pub(crate) fn by_name(name: &str) -> Self {
        let mut all = Self::ALL.into_iter().map(|(operation, _)| operation);
        let named = all.find(|operation| format!("{operation:?}") == name);
        named.unwrap_or_else(|| panic!("{name} is no operation"))
    }

    fn named(name: &str, service: Service) -> Self {
        let named =
            |(operation, of): &(Self, Service)| *of == service && format!("{operation:?}") == name;
        Self::ALL.into_iter().find(named).map_or(Self::Unknown, |(operation, _)| operation)
    }

    /// What a request asks for. S3's operations are told by method, path and query, the others by their
    /// names.
    fn of(request: &Request, parameters: &HashMap<String, String>) -> Self {
        if let Some(target) = request.header("x-amz-target") {
            let (_, name) = target.rsplit_once('.').unwrap_or_default();
            return Self::named(name, Service::DynamoDb);
        }
        let is_bucket = request.path.trim_matches('/').split('/').count() == 1;
        let asks =
            |name: &str| request.query.split('&').any(|pair| pair.split('=').next() == Some(name));
        match (request.method.as_str(), is_bucket) {
            ("POST", _) if request.path == "/v2/email/outbound-emails" => Self::SendEmail,
            ("POST", false) if asks("uploadId") => Self::CompleteMultipartUpload,
            ("POST", _) => {
                let action = parameters.get("Action").map(String::as_str);
                Self::named(action.unwrap_or_default(), Service::Sts)
            }
            ("HEAD", true) => Self::HeadBucket,
            ("HEAD", false) => Self::HeadObject,
            ("GET", false) if asks("tagging") => Self::GetObjectTagging,
            ("GET", false) if asks("uploadId") => Self::ListParts,
            ("GET", false) => Self::GetObject,
            ("GET", true) if asks("policyStatus") => Self::GetBucketPolicyStatus,
            ("GET", true) if asks("policy") => Self::GetBucketPolicy,
            ("GET", true) if asks("publicAccessBlock") => Self::GetPublicAccessBlock,
            ("GET", true) if asks("encryption") => Self::GetBucketEncryption,
            ("GET", true) if asks("lifecycle") => Self::GetBucketLifecycleConfiguration,
            ("GET", true) if asks("cors") => Self::GetBucketCors,
            _ => Self::Unknown,
        }
    }
}

/// One call.
#[derive(Clone, Debug)]
pub struct Call {
    /// What is asked for.
    pub operation: Operation,
    /// The request line and the headers.
    pub head: String,
    /// The path, still encoded.
    pub path: String,
    /// The query, still encoded.
    pub query: String,
    /// The body.
    pub body: String,
    /// Whose session signed the call. Empty: it is not signed.
    pub access_key_id: String,
    /// The parameters of a call of STS.
    pub parameters: HashMap<String, String>,
}

impl Call {
    pub(crate) fn new(request: Request) -> Self {
        let parameters = form_urlencoded::parse(request.body.as_bytes()).into_owned().collect();
        let operation = Operation::of(&request, &parameters);
        let signer = request.head.split_once("Credential=").map(|(_, rest)| rest);
        let access_key_id = signer.and_then(|rest| rest.split(['/', '%']).next());
        Self {
            operation,
            access_key_id: access_key_id.unwrap_or_default().to_owned(),
            parameters,
            head: request.head,
            path: request.path,
            query: request.query,
            body: request.body,
        }
    }

    /// The service that is called. `None`: the operation is unknown.
    #[must_use]
    pub fn service(&self) -> Option<Service> {
        self.operation.service()
    }

    /// A header. `name` is in small letters.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        crate::http::header(&self.head, name)
    }

    /// A parameter of the query, decoded.
    #[must_use]
    pub fn query_parameter(&self, name: &str) -> Option<String> {
        let mut pairs = form_urlencoded::parse(self.query.as_bytes());
        pairs.find(|(found, _)| found == name).map(|(_, value)| value.into_owned())
    }

    /// Whether the URL is signed, as the links are that the function gives.
    #[must_use]
    pub fn is_presigned(&self) -> bool {
        self.query_parameter("X-Amz-Signature").is_some()
    }

    /// The bucket that the call is about. It stands in the path, because this machine has no names for
    /// buckets.
    #[must_use]
    pub fn bucket(&self) -> &str {
        self.path.trim_start_matches('/').split('/').next().unwrap_or_default()
    }

    /// The key of the object that the call is about, decoded.
    #[must_use]
    pub fn key(&self) -> String {
        let (_, key) = self.path.trim_start_matches('/').split_once('/').unwrap_or_default();
        percent_decode_str(key).decode_utf8().expect("a key is UTF-8").into_owned()
    }

    /// The body of a call of SES or DynamoDB.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("the body is JSON")
    }
}
