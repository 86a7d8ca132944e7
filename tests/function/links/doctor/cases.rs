//! What AWS answers, what the function's settings are, and what the doctor is asked.

use fake_aws::{Operation, Reply, token};
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::{KEY, now};

pub(super) const KMS_KEY: &str =
    "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab";
const UNTIL: &str = "expiry-date=\"Tue, 24 Nov 2099 00:00:00 GMT\"";
pub(super) const NO_EXPIRY: (&str, &str) = ("AWS_CREDENTIAL_EXPIRATION", "");

/// One case.
pub(super) struct Case {
    pub(super) name: &'static str,
    /// The checks that it is about.
    pub(super) about: Vec<&'static str>,
    /// What AWS answers differently.
    pub(super) replies: Vec<(Operation, Reply)>,
    /// Settings that differ.
    pub(super) settings: Vec<(&'static str, &'static str)>,
    pub(super) question: Value,
    /// Whether the whole answer has a file of its own.
    pub(super) is_shown_whole: bool,
}

impl Case {
    pub(super) fn new(name: &'static str, about: &[&'static str]) -> Self {
        Self {
            name,
            about: about.to_vec(),
            replies: Vec::new(),
            settings: Vec::new(),
            question: json!({"key": KEY, "principal": "alice"}),
            is_shown_whole: false,
        }
    }

    pub(super) fn answer(mut self, operation: Operation, reply: Reply) -> Self {
        self.replies.push((operation, reply));
        self
    }

    /// The same before all other answers.
    pub(super) fn answer_first(mut self, operation: Operation, reply: Reply) -> Self {
        self.replies.insert(0, (operation, reply));
        self
    }

    pub(super) fn set(mut self, name: &'static str, value: &'static str) -> Self {
        self.settings.push((name, value));
        self
    }

    pub(super) fn ask(self, question: Value) -> Self {
        Self { question, ..self }
    }

    pub(super) fn shown_whole(self) -> Self {
        Self { is_shown_whole: true, ..self }
    }

    /// The object can't be opened, and HEAD answers so.
    fn closed(self, get: Reply, head: Reply) -> Self {
        self.answer(Operation::GetObject, get).answer(Operation::HeadObject, head)
    }

    /// A policy with these statements.
    pub(super) fn policy(self, statements: &Value) -> Self {
        self.answer(Operation::GetBucketPolicy, Reply::json(&json!({"Statement": statements})))
    }
}

pub(super) fn denied() -> Reply {
    Reply::s3_error(403, "AccessDenied")
}

pub(super) fn deny(sid: &str, condition: &Value) -> Value {
    json!({"Sid": sid, "Effect": "Deny", "Principal": "*", "Action": "s3:*",
           "Resource": "arn:aws:s3:::files/*", "Condition": condition})
}

pub(super) fn lifecycle(rules: &str) -> Reply {
    Reply::document(&format!("<LifecycleConfiguration>{rules}</LifecycleConfiguration>"))
}

const MAILS: &str =
    r#"[{"bucket":"files","prefix":"","principals":["s3-event"],"region":"eu-west-1"}]"#;

const RULES: &str = "\
    <Rule><ID>to the archive</ID><Status>Enabled</Status>\
    <Filter><Prefix>private-files/</Prefix></Filter>\
    <Transition><Days>90</Days><StorageClass>GLACIER</StorageClass></Transition>\
    <NoncurrentVersionExpiration><NoncurrentDays>7</NoncurrentDays></NoncurrentVersionExpiration></Rule>\
    <Rule><ID>drafts</ID><Status>Enabled</Status>\
    <Filter><Tag><Key>draft</Key><Value>yes</Value></Tag></Filter>\
    <Expiration><Days>30</Days></Expiration></Rule>\
    <Rule><ID>elsewhere</ID><Status>Enabled</Status><Filter><Prefix>tmp/</Prefix></Filter>\
    <Expiration><Days>1</Days></Expiration></Rule>";

pub(super) fn cases() -> Vec<Case> {
    [who_signs(), whether_it_opens(), who_is_granted(), policies(), storage(), windows()]
        .into_iter()
        .flatten()
        .collect()
}

fn who_signs() -> Vec<Case> {
    let signer = |name| Case::new(name, &["signer", "revocation"]);
    vec![
        Case::new(
            "a good file",
            &["signer", "object", "grant", "other-policies", "window", "revocation"],
        )
        .shown_whole(),
        signer("a minted session")
            .set("SIGNING_ROLE_ARN", "arn:aws:iam::123456789012:role/links/session")
            .set(NO_EXPIRY.0, NO_EXPIRY.1)
            .answer(
                Operation::AssumeRole,
                Reply::minted("ASIAMINTED", now() + SignedDuration::from_hours(1)),
            ),
        signer("an attested session").set(NO_EXPIRY.0, NO_EXPIRY.1).answer(
            Operation::GetWebIdentityToken,
            Reply::token(&token(now(), now() + SignedDuration::from_hours(11), "signer")),
        ),
        signer("an assumed session")
            .set(NO_EXPIRY.0, NO_EXPIRY.1)
            .set("ASSUMED_SESSION_SECONDS", "3600"),
        signer("a user's long-term key")
            .set(NO_EXPIRY.0, NO_EXPIRY.1)
            .set("AWS_ACCESS_KEY_ID", "AKIADOCTOR0007")
            .set("AWS_SESSION_TOKEN", "")
            .set("ALLOW_LONG_TERM_KEYS", "true")
            .answer(
                Operation::GetCallerIdentity,
                Reply::identity("arn:aws:iam::123456789012:user/staff/alice"),
            ),
        signer("the root user's key")
            .set(NO_EXPIRY.0, NO_EXPIRY.1)
            .set("AWS_ACCESS_KEY_ID", "AKIADOCTOR0008")
            .set("AWS_SESSION_TOKEN", "")
            .set("ALLOW_LONG_TERM_KEYS", "true")
            .answer(
                Operation::GetCallerIdentity,
                Reply::identity("arn:aws:iam::123456789012:root"),
            ),
        Case::new("a long-term key that is not allowed", &["signer", "window"])
            .set(NO_EXPIRY.0, NO_EXPIRY.1)
            .set("AWS_ACCESS_KEY_ID", "AKIADOCTOR0009")
            .set("AWS_SESSION_TOKEN", ""),
        Case::new("nothing proves the session's end", &["signer", "window"])
            .set(NO_EXPIRY.0, NO_EXPIRY.1),
        signer("STS does not say who signs").answer(Operation::GetCallerIdentity, Reply::hang_up()),
    ]
}

fn whether_it_opens() -> Vec<Case> {
    let object = |name| Case::new(name, &["object"]);
    let kms = || {
        Reply::status(200)
            .with_header("x-amz-server-side-encryption", "aws:kms")
            .with_header("x-amz-server-side-encryption-aws-kms-key-id", KMS_KEY)
    };
    vec![
        object("an empty file").answer(Operation::GetObject, Reply::status(416)),
        Case::new("a missing file", &["object", "encryption", "storage-class"])
            .closed(Reply::s3_error(404, "NoSuchKey"), Reply::status(404))
            .shown_whole(),
        object("a missing file whose key is spelled in the other form")
            .answer(Operation::GetObject, Reply::s3_error(404, "NoSuchKey"))
            .ask(json!({"key": "private-files/Re\u{301}sume\u{301}.pdf", "principal": "alice"})),
        object("a missing file under a key with one spelling")
            .answer(Operation::GetObject, Reply::s3_error(404, "NoSuchKey"))
            .ask(json!({"key": "private-files/日本.pdf", "principal": "alice"})),
        object("its writer's own key").answer(
            Operation::GetObject,
            Reply::error(
                fake_aws::Service::S3,
                400,
                "InvalidRequest",
                "The object was stored using a form of Server Side Encryption. The correct parameters \
                 must be provided to retrieve the object.",
            ),
        ),
        object("links lead elsewhere than the function does")
            .set("S3_PUBLIC_ENDPOINT", "https://files.example.com"),
        object("a missing version")
            .closed(Reply::s3_error(404, "NoSuchVersion"), Reply::status(404))
            .set("GRANTS", MAILS)
            .ask(json!({"key": KEY, "principal": "s3-event", "version_id": "gone"})),
        object("a missing bucket").answer(Operation::GetObject, Reply::s3_error(404, "NoSuchBucket")),
        Case::new(
            "nothing may be looked at",
            &["object", "block-public-access", "bucket-policy", "policy-status", "other-policies",
              "region", "encryption", "storage-class", "lifecycle", "window"],
        )
        .closed(denied(), Reply::status(403))
        .answer(Operation::HeadBucket, Reply::status(403))
        .answer(Operation::GetBucketPolicy, denied())
        .answer(Operation::GetBucketPolicyStatus, denied())
        .answer(Operation::GetPublicAccessBlock, denied())
        .answer(Operation::GetBucketEncryption, denied())
        .answer(Operation::GetBucketLifecycleConfiguration, denied()),
        object("a forbidden file").closed(denied(), Reply::status(403)),
        Case::new("a KMS key that the signer may not use", &["object", "encryption"])
            .closed(denied(), kms()),
        object("a KMS key of which S3 says so").closed(
            Reply::denial(&format!(
                "User: arn:aws:sts::123456789012:assumed-role/signer/signer is not authorized to \
                 perform: kms:Decrypt on resource: {KMS_KEY} because no identity-based policy allows \
                 the kms:Decrypt action"
            )),
            Reply::status(403),
        ),
        Case::new("a KMS key that is disabled", &["object", "encryption"])
            .closed(Reply::s3_error(400, "KMS.DisabledException"), kms()),
        object("a service control policy denies it").closed(
            Reply::denial("not authorized, with an explicit deny in a service control policy"),
            Reply::status(403),
        ),
        object("no policy allows it").closed(
            Reply::denial("not authorized, because no identity-based policy allows the action"),
            Reply::status(403),
        ),
        object("only presigned URLs are denied").closed(denied(), Reply::status(200)),
        object("another session is wanted").answer(Operation::GetObject, Reply::s3_error(400, "ExpiredToken")),
        object("S3 is down").answer(Operation::GetObject, Reply::s3_error(503, "SlowDown")),
        object("S3 is silent").answer(Operation::GetObject, Reply::hang_up()),
        object("a role's path is known")
            .set("SIGNING_ROLE_ARN", "arn:aws:iam::123456789012:role/links/session")
            .set(NO_EXPIRY.0, NO_EXPIRY.1)
            .answer(Operation::AssumeRole, Reply::minted("ASIAMINTED", now() + SignedDuration::from_hours(1)))
            .closed(denied(), Reply::status(403))
            .ask(json!({"key": "private-files/it's.pdf", "principal": "alice"})),
    ]
}

fn who_is_granted() -> Vec<Case> {
    let grant = |name| Case::new(name, &["grant"]);
    let several = r#"[{"bucket":"files","prefix":"users/{principal}/","principals":["*"],"region":"eu-west-1"},
                      {"bucket":"files","prefix":"public/","principals":["anonymous"],"max_expires_in":60,"region":"eu-west-1"},
                      {"bucket":"other","prefix":"","principals":["arn:aws:iam::*:user/alice"],"region":"eu-west-1","versions":true}]"#;
    let tenants = r#"[{"bucket":"files","prefix":"{claim:tenant}/","principals":["*"],
                       "claims":{"groups":"finance"},"region":"eu-west-1"}]"#;
    let versioned = |name, principal: &str| {
        grant(name).ask(json!({"key": KEY, "principal": principal, "version_id": "old"}))
    };
    let version = |id: &str| Reply::status(200).with_header("x-amz-version-id", id);
    vec![
        grant("no principal is named").ask(json!({"key": KEY})),
        grant("anonymous callers are not admitted").ask(json!({"key": KEY, "principal": "anonymous"})),
        grant("anonymous callers are admitted")
            .set("GRANTS", several)
            .ask(json!({"key": "public/a", "bucket": "files", "principal": "anonymous"})),
        grant("another's folder")
            .set("GRANTS", several)
            .ask(json!({"key": "users/alice/a", "bucket": "files", "principal": "bob"})),
        grant("one's own folder")
            .set("GRANTS", several)
            .ask(json!({"key": "users/alice/a", "bucket": "files", "principal": "alice"})),
        grant("somebody's folder, and nobody is named")
            .set("GRANTS", several)
            .ask(json!({"key": "users/alice/a", "bucket": "files"})),
        grant("a tenant's folder, and the claims are not named")
            .set("GRANTS", tenants)
            .ask(json!({"key": "acme/a", "principal": "alice"})),
        grant("a tenant's folder, and a token with its claims").set("GRANTS", tenants).ask(
            json!({"key": "acme/a", "principal": "alice",
                   "claims": {"tenant": "acme", "groups": ["staff", "finance"]}}),
        ),
        grant("a caller whom IAM vouches for")
            .set("GRANTS", several)
            .ask(json!({"key": "a", "bucket": "other", "principal": "arn:aws:iam::123456789012:user/alice"})),
        Case::new("a key outside of every prefix", &["grant", "window"])
            .ask(json!({"key": "payroll.pdf", "principal": "alice"})),
        Case::new(
            "a bucket that no grant names",
            &["object", "grant", "block-public-access", "bucket-policy", "region", "revocation"],
        )
        .ask(json!({"key": KEY, "bucket": "payroll"})),
        grant("what may only be uploaded, and nobody is named")
            .set("GRANTS", r#"[{"bucket":"files","prefix":"in/","principals":["*"],"actions":["put"],"max_size":1,"region":"eu-west-1"},
                               {"bucket":"files","prefix":"out/","principals":["*"]}]"#)
            .ask(json!({"key": "in/a"})),
        grant("several buckets, and none is named").set("GRANTS", several).ask(json!({"key": "a"})),
        Case::new("a key that no link can name", &["object", "grant"])
            .ask(json!({"key": "private-files/../a", "principal": "alice"})),
        versioned("the current version", "alice").answer(Operation::HeadObject, version("old")),
        versioned("an old version", "alice").answer(Operation::HeadObject, version("new")),
        versioned("a version of which S3 does not tell", "alice")
            .answer(Operation::HeadObject, Reply::status(403)),
        versioned("a version that was mailed", "s3-event").set("GRANTS", MAILS),
    ]
}

fn policies() -> Vec<Case> {
    let policy = |name| Case::new(name, &["bucket-policy", "window"]);
    let age = json!({"NumericGreaterThan": {"s3:signatureAge": 600_000}});
    let year = json!({"DateGreaterThan": {"aws:CurrentTime": "2101"}});
    let auth_type = json!({"StringEquals": {"s3:authType": "REST-QUERY-STRING"}});
    let office = json!({"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}});
    let closing = json!({"DateGreaterThan": {"aws:CurrentTime": "2099-11-23T13:10:00Z"}});
    let statements = json!([
        deny("Guardrail", &age),
        deny("OfficeOnly", &office),
        deny("ClosingTime", &closing),
        deny("OnlyOverTls", &json!({"Bool": {"aws:SecureTransport": "false"}})),
        {"Effect": "Deny", "NotPrincipal": {"AWS": "arn:aws:iam::210987654321:root"},
         "Action": "s3:GetObject", "Resource": "arn:aws:s3:::files/private-files/*",
         "Condition": {"StringNotEquals": {"aws:PrincipalOrgID": "o-1"}}},
    ]);
    vec![
        policy("no policy"),
        policy("an age guardrail").policy(&json!([deny("Guardrail", &age)])),
        policy("many statements").policy(&statements),
        policy("no presigned URLs").policy(&json!([deny("NoPresignedUrls", &auth_type)])),
        policy("a policy that is ignored")
            .set("BUCKET_POLICY", "ignore")
            .policy(&json!([deny("Guardrail", &age)])),
        policy("a policy that is required and can't be read")
            .set("BUCKET_POLICY", "require")
            .answer(Operation::GetBucketPolicy, denied()),
        policy("a year alone, which AWS may read as seconds").policy(&json!([deny("AfterTheFair", &year)])),
        policy("the same, where the policy is required")
            .set("BUCKET_POLICY", "require")
            .policy(&json!([deny("AfterTheFair", &year)])),
        Case::new("a public bucket", &["block-public-access", "policy-status"])
            .answer(Operation::GetPublicAccessBlock, Reply::public_access_block(["false"; 4]))
            .answer(
                Operation::GetBucketPolicyStatus,
                Reply::policy_status("true"),
            ),
        Case::new("Block Public Access in part", &["block-public-access"])
            .answer(Operation::GetPublicAccessBlock, Reply::public_access_block(["true", "true", "false", "false"])),
        Case::new("no setting at all", &["block-public-access", "policy-status", "lifecycle"])
            .answer(
                Operation::GetPublicAccessBlock,
                Reply::s3_error(404, "NoSuchPublicAccessBlockConfiguration"),
            )
            .answer(Operation::GetBucketPolicyStatus, Reply::s3_error(404, "NoSuchBucketPolicy")),
        Case::new(
            "an access point",
            &["block-public-access", "bucket-policy", "policy-status", "encryption", "lifecycle"],
        )
        .set("GRANTS", r#"[{"bucket":"files-abc-s3alias","prefix":"","principals":["*"],"region":"eu-west-1"}]"#),
    ]
}

fn storage() -> Vec<Case> {
    let stored = |headers: &[(&str, &str)]| {
        headers
            .iter()
            .fold(Reply::status(206), |reply, (name, value)| reply.with_header(name, value))
    };
    let archived = |headers: &[(&str, &str)]| {
        headers
            .iter()
            .fold(Reply::status(200), |reply, (name, value)| reply.with_header(name, value))
    };
    let invalid_state = || Reply::s3_error(403, "InvalidObjectState");
    let no_region = r#"[{"bucket":"files","prefix":"","principals":["*"]}]"#;
    vec![
        Case::new("the region is learnt", &["region"]).set("GRANTS", no_region),
        Case::new("the region is wrong", &["object", "region"])
            .answer(Operation::GetObject, Reply::s3_error(400, "AuthorizationHeaderMalformed"))
            .answer(Operation::HeadBucket, Reply::status(301).with_header("x-amz-bucket-region", "eu-central-1")),
        Case::new("S3 does not know the bucket", &["object", "region"])
            .set("GRANTS", no_region)
            .answer(Operation::HeadBucket, Reply::status(404)),
        // Such access points have no FIPS endpoints, so nothing is asked.
        Case::new("a multi-region access point", &["object", "region"])
            .set("AWS_USE_FIPS_ENDPOINT", "true")
            .set(
                "GRANTS",
                r#"[{"bucket":"arn:aws:s3::123456789012:accesspoint/files.mrap","prefix":"","principals":["*"]}]"#,
            ),
        Case::new("a KMS key that the signer may use", &["encryption"]).answer(
            Operation::GetObject,
            stored(&[
                ("x-amz-server-side-encryption", "aws:kms"),
                ("x-amz-server-side-encryption-aws-kms-key-id", KMS_KEY),
            ]),
        ),
        Case::new("a KMS key, and a policy that denies", &["object", "encryption"]).closed(
            Reply::denial("not authorized, with an explicit deny in a resource-based policy"),
            archived(&[("x-amz-server-side-encryption", "aws:kms")]),
        ),
        Case::new("S3's own keys", &["encryption", "storage-class"]),
        Case::new("no encryption is named", &["encryption"])
            .answer(Operation::GetObject, stored(&[]))
            .answer(Operation::GetBucketEncryption, Reply::default_encryption("aws:kms", &format!("<KMSMasterKeyID>{KMS_KEY}</KMSMasterKeyID>"))),
        Case::new("infrequent access", &["storage-class"])
            .answer(Operation::GetObject, stored(&[("x-amz-storage-class", "STANDARD_IA")])),
        Case::new("an archived file", &["object", "storage-class"])
            .closed(invalid_state(), archived(&[("x-amz-storage-class", "GLACIER")])),
        Case::new("an archive tier of Intelligent-Tiering", &["object", "storage-class"]).closed(
            invalid_state(),
            archived(&[
                ("x-amz-storage-class", "INTELLIGENT_TIERING"),
                ("x-amz-archive-status", "ARCHIVE_ACCESS"),
            ]),
        ),
        Case::new("a file that is being restored", &["object", "storage-class"]).closed(
            invalid_state(),
            archived(&[
                ("x-amz-storage-class", "DEEP_ARCHIVE"),
                ("x-amz-restore", "ongoing-request=\"true\""),
            ]),
        ),
        Case::new("a restored copy", &["object", "storage-class", "window"]).answer(
            Operation::GetObject,
            stored(&[
                ("x-amz-storage-class", "GLACIER"),
                ("x-amz-restore", "ongoing-request=\"false\", expiry-date=\"Mon, 23 Nov 2099 13:20:00 GMT\""),
            ]),
        ),
        Case::new("a file that expires", &["lifecycle"])
            .answer(Operation::GetObject, stored(&[("x-amz-expiration", UNTIL)])),
        Case::new("a version of a file that expires", &["lifecycle"])
            .answer(Operation::GetObject, stored(&[("x-amz-expiration", UNTIL)]))
            .answer(Operation::GetBucketLifecycleConfiguration, lifecycle(RULES))
            .set("GRANTS", MAILS)
            .ask(json!({"key": KEY, "principal": "s3-event", "version_id": "v1"})),
        Case::new("rules about a file that is there", &["lifecycle"])
            .answer(Operation::GetBucketLifecycleConfiguration, lifecycle(RULES)),
        Case::new("rules about a file that was not seen", &["lifecycle"])
            .closed(denied(), Reply::status(403))
            .answer(Operation::GetBucketLifecycleConfiguration, lifecycle(RULES)),
    ]
}

fn windows() -> Vec<Case> {
    let window = |name| Case::new(name, &["window"]);
    vec![
        window("seven days")
            .set(
                "GRANTS",
                r#"[{"bucket":"files","prefix":"","principals":["*"],"region":"eu-west-1"}]"#,
            )
            .set("AWS_CREDENTIAL_EXPIRATION", "2099-12-23T13:00:00Z"),
        window("a session that ends soon").set("AWS_CREDENTIAL_EXPIRATION", "2099-11-23T13:10:00Z"),
        Case::new("a session that has ended", &["signer", "object", "window"])
            .set("AWS_CREDENTIAL_EXPIRATION", "2099-11-23T13:00:04Z"),
    ]
}
