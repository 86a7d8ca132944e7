//! What the doctor is asked about uploads.

use fake_aws::{Operation, Reply};
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::cases::{Case, KMS_KEY, NO_EXPIRY, denied, deny, lifecycle};
use super::now;

/// Keys that the function makes, keys that callers name, and downloads.
const GRANTS: &str = r#"[
    {"bucket":"files","prefix":"private-files/","principals":["*"],"region":"eu-west-1"},
    {"bucket":"files","prefix":"in/","principals":["*"],"actions":["put"],"max_size":1000,"forms":true,
     "max_expires_in":1800,"content_types":["image/*","application/pdf"]},
    {"bucket":"files","prefix":"named/{principal}/","principals":["a*"],"actions":["put"],"max_size":5,
     "keys":"caller","tags":["project"],"max_expires_in":60},
    {"bucket":"files","prefix":"over/","principals":["alice"],"actions":["put"],"max_size":5,
     "keys":"caller","overwrite":true}]"#;

const UPLOAD_ROLE: &str = "arn:aws:iam::123456789012:role/links/upload";

/// A case in which alice uploads to `in/`.
pub(super) fn usual(name: &'static str, about: &[&'static str]) -> Case {
    let minted = Reply::minted("ASIAMINTED", now() + SignedDuration::from_hours(1));
    Case::new(name, about)
        .set("GRANTS", GRANTS)
        .set("UPLOAD_ROLE_ARN", UPLOAD_ROLE)
        .answer(Operation::AssumeRole, minted)
        .ask(json!({"key": "in/Report 1.pdf", "action": "put", "principal": "alice"}))
}

/// A case in which alice names the key.
fn named(name: &'static str, about: &[&'static str]) -> Case {
    usual(name, about)
        .ask(json!({"key": "named/alice/a.pdf", "action": "put", "principal": "alice"}))
}

fn cors(rules: &str) -> Reply {
    Reply::document(&format!("<CORSConfiguration>{rules}</CORSConfiguration>"))
}

fn cors_rule(origin: &str, methods: &[&str], headers: &[&str], exposed: &[&str]) -> String {
    let each = |element: &str, values: &[&str]| {
        let values = values.iter().map(|value| format!("<{element}>{value}</{element}>"));
        values.collect::<String>()
    };
    let origin = each("AllowedOrigin", &[origin]);
    let (methods, headers) = (each("AllowedMethod", methods), each("AllowedHeader", headers));
    let exposed = each("ExposeHeader", exposed);
    format!("<CORSRule>{origin}{methods}{headers}{exposed}</CORSRule>")
}

pub(super) fn cases() -> Vec<Case> {
    [who_signs(), whether_it_may(), who_is_granted(), policies(), storage(), pages(), windows()]
        .into_iter()
        .flatten()
        .collect()
}

fn who_signs() -> Vec<Case> {
    let signer = |name| usual(name, &["signer", "permission", "window", "revocation"]);
    vec![
        usual(
            "an upload",
            &["signer", "permission", "grant", "other-policies", "region", "window", "revocation"],
        )
        .shown_whole(),
        signer("uploads are off").set("UPLOAD_ROLE_ARN", ""),
        signer("the upload role can't be assumed")
            .answer_first(Operation::AssumeRole, Reply::sts_error(403, "AccessDenied")),
        signer("STS does not say who signs").answer(Operation::GetCallerIdentity, Reply::hang_up()),
        usual("the session's own bounds do not matter", &["signer"]).set(NO_EXPIRY.0, NO_EXPIRY.1),
    ]
}

fn whether_it_may() -> Vec<Case> {
    let permission = |name| usual(name, &["permission"]);
    let complete = |name, reply| permission(name).answer(Operation::CompleteMultipartUpload, reply);
    vec![
        complete("the session may not upload", denied()),
        complete(
            "no policy allows it",
            Reply::denial("not authorized, because no identity-based policy allows the action"),
        ),
        complete(
            "a resource control policy denies it",
            Reply::denial("not authorized, with an explicit deny in a resource control policy"),
        ),
        permission("parts may not be listed").answer(Operation::ListParts, denied()),
        complete("a missing bucket", Reply::s3_error(404, "NoSuchBucket")),
        complete("the session is not accepted", Reply::s3_error(400, "ExpiredToken")),
        complete("S3 is down", Reply::s3_error(503, "SlowDown")),
        complete("S3 is silent", Reply::hang_up()),
        named("an object is there already", &["permission"])
            .answer(Operation::CompleteMultipartUpload, Reply::s3_error(412, "PreconditionFailed")),
    ]
}

fn who_is_granted() -> Vec<Case> {
    let asked = |name, question: Value| usual(name, &["grant"]).ask(question);
    let key =
        |key: &str, principal: &str| json!({"key": key, "action": "put", "principal": principal});
    let made = "in/5b3b7c3c-6d4b-4c3c-8b7a-1a2b3c4d5e6f/a.pdf";
    let guest = "arn:aws:sts::123456789012:assumed-role/pool/CognitoIdentityCredentials";
    vec![
        asked("a key that the function made", key(made, "alice")),
        named("a key that the caller names", &["grant"]),
        asked("a key whose object may be replaced", key("over/a.pdf", "alice")),
        asked("another's folder", key("named/bob/a.pdf", "alice")),
        asked("a principal who is not admitted", key("over/a.pdf", "bob")),
        asked("a key outside of every prefix", key("private-files/report.pdf", "alice")),
        asked("a guest", key("in/a.pdf", guest)),
        asked("anonymous callers", key("in/a.pdf", "anonymous")),
        asked("no principal is named", json!({"key": "in/a.pdf", "action": "put"})),
        asked("a key that no upload can name", key("in/../a", "alice")),
        asked(
            "a bucket that no grant names",
            json!({"key": "a", "bucket": "payroll", "action": "put", "principal": "alice"}),
        ),
        usual("no grant for uploads", &["grant", "bucket-policy", "permission", "cors"])
            .set(
                "GRANTS",
                r#"[{"bucket":"files","prefix":"in/","principals":["*"],"region":"eu-west-1"}]"#,
            )
            .answer(Operation::GetBucketCors, cors(&cors_rule("*", &["GET"], &[], &[]))),
    ]
}

fn policies() -> Vec<Case> {
    let about = ["bucket-policy", "window"];
    let policy = |name, statements: Value| usual(name, &about).policy(&statements);
    let unless = |key: &str, value: &str| json!({"StringNotEquals": {key: value}});
    let encrypted = unless("s3:x-amz-server-side-encryption", "aws:kms");
    let tagged = unless("s3:RequestObjectTag/project", "x");
    let put = |sid: &str, condition: &Value| {
        let mut statement = deny(sid, condition);
        statement["Action"] = json!("s3:PutObject");
        statement
    };
    vec![
        usual("no policy", &about),
        policy("uploads must be encrypted with KMS", json!([put("Kms", &encrypted)])),
        policy(
            "uploads must be encrypted with KMS, and the grant does it",
            json!([put("Kms", &encrypted)]),
        )
        .set(
            "GRANTS",
            r#"[{"bucket":"files","prefix":"in/","principals":["*"],"actions":["put"],"max_size":1,
                 "region":"eu-west-1","put_headers":{"x-amz-server-side-encryption":"aws:kms"}}]"#,
        ),
        policy("uploads must be tagged", json!([put("Tagged", &tagged)])),
        policy("uploads must be tagged, and callers may do it", json!([put("Tagged", &tagged)]))
            .ask(json!({"key": "named/alice/a.pdf", "action": "put", "principal": "alice"})),
        policy(
            "nothing may be replaced",
            json!([put("Spare", &json!({"Null": {"s3:if-none-match": "true"}}))]),
        )
        .ask(json!({"key": "over/a.pdf", "action": "put", "principal": "alice"})),
        policy(
            "parts can't spare what is there",
            json!([put("Spare", &json!({"Null": {"s3:if-none-match": "true"}}))]),
        )
        .ask(json!({"key": "named/alice/a.pdf", "action": "put", "principal": "alice"})),
        policy(
            "forms can't spare what is there",
            json!([put(
                "Spare",
                &json!({"Null": {"s3:if-none-match": "true"},
            "Bool": {"s3:ObjectCreationOperation": "true"}})
            )]),
        ),
        policy(
            "an object lock is demanded",
            json!([put("Lock", &unless("s3:object-lock-mode", "GOVERNANCE"))]),
        ),
        policy(
            "an age guardrail",
            json!([put("Guardrail", &json!({"NumericGreaterThan": {"s3:signatureAge": 600_000}}))]),
        ),
        policy(
            "only from the office",
            json!([put("Office", &json!({"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}}))]),
        ),
        policy(
            "a year alone, which AWS may read as seconds",
            json!([put("AfterTheFair", &json!({"DateGreaterThan": {"aws:CurrentTime": "2101"}}))]),
        ),
        policy("a policy that is ignored", json!([put("Kms", &encrypted)]))
            .set("BUCKET_POLICY", "ignore"),
        usual("a policy that can't be read", &about).answer(Operation::GetBucketPolicy, denied()),
        usual("a policy that is required and can't be read", &about)
            .set("BUCKET_POLICY", "require")
            .answer(Operation::GetBucketPolicy, denied()),
        policy(
            "only downloads are denied",
            json!([{"Effect": "Deny", "Principal": "*", "Action": "s3:GetObject",
            "Resource": "*"}]),
        ),
        policy(
            "giving up is denied",
            json!([{"Sid": "Keep", "Effect": "Deny", "Principal": "*",
            "Action": "s3:AbortMultipartUpload", "Resource": "*"}]),
        ),
    ]
}

fn storage() -> Vec<Case> {
    let key = format!("<KMSMasterKeyID>{KMS_KEY}</KMSMasterKeyID>");
    let encryption = |name| usual(name, &["encryption"]);
    let default = |algorithm: &str, key: &str| Reply::default_encryption(algorithm, key);
    let signed = |name, headers: &str| {
        let grants = format!(
            r#"[{{"bucket":"files","prefix":"in/","principals":["*"],"actions":["put"],"max_size":1,
                 "region":"eu-west-1","put_headers":{{{headers}}}}}]"#
        );
        encryption(name).set("GRANTS", grants.leak())
    };
    let abort = "<Rule><ID>tidy</ID><Status>Enabled</Status><Filter><Prefix>in/</Prefix></Filter>\
                 <AbortIncompleteMultipartUpload><DaysAfterInitiation>7</DaysAfterInitiation>\
                 </AbortIncompleteMultipartUpload></Rule>\
                 <Rule><ID>all</ID><Status>Enabled</Status><Filter><Prefix></Prefix></Filter>\
                 <AbortIncompleteMultipartUpload><DaysAfterInitiation>30</DaysAfterInitiation>\
                 </AbortIncompleteMultipartUpload></Rule>";
    let others = "<Rule><ID>elsewhere</ID><Status>Enabled</Status><Filter><Prefix>out/</Prefix></Filter>\
                  <AbortIncompleteMultipartUpload><DaysAfterInitiation>7</DaysAfterInitiation>\
                  </AbortIncompleteMultipartUpload></Rule>\
                  <Rule><ID>old</ID><Status>Enabled</Status><Filter><Prefix></Prefix></Filter>\
                  <Expiration><Days>30</Days></Expiration></Rule>";
    let rules = Operation::GetBucketLifecycleConfiguration;
    vec![
        encryption("S3's own keys"),
        encryption("the bucket's KMS key")
            .answer(Operation::GetBucketEncryption, default("aws:kms", &key)),
        encryption("AWS's own KMS key")
            .answer(Operation::GetBucketEncryption, default("aws:kms", "")),
        encryption("no default encryption").answer(
            Operation::GetBucketEncryption,
            Reply::s3_error(404, "ServerSideEncryptionConfigurationNotFoundError"),
        ),
        signed(
            "the grant's KMS key",
            r#""x-amz-server-side-encryption":"aws:kms","x-amz-server-side-encryption-aws-kms-key-id":"alias/files""#,
        ),
        signed(
            "the grant's KMS, with the bucket's key",
            r#""x-amz-server-side-encryption":"aws:kms""#,
        )
        .answer(Operation::GetBucketEncryption, default("aws:kms", &key)),
        signed("the grant's AES256", r#""x-amz-server-side-encryption":"AES256""#)
            .answer(Operation::GetBucketEncryption, default("aws:kms", &key)),
        usual("rules that end unfinished uploads", &["lifecycle"]).answer(rules, lifecycle(abort)),
        usual("rules that end none", &["lifecycle"]).answer(rules, lifecycle(others)),
        usual(
            "nothing may be looked at",
            &["bucket-policy", "region", "encryption", "lifecycle", "cors", "window"],
        )
        .answer(Operation::HeadBucket, Reply::status(403))
        .answer(Operation::GetBucketPolicy, denied())
        .answer(Operation::GetBucketEncryption, denied())
        .answer(rules, denied())
        .answer(Operation::GetBucketCors, denied()),
        usual("the region is wrong", &["permission", "region"])
            .answer(
                Operation::CompleteMultipartUpload,
                Reply::s3_error(400, "AuthorizationHeaderMalformed"),
            )
            .answer(
                Operation::HeadBucket,
                Reply::status(301).with_header("x-amz-bucket-region", "eu-central-1"),
            ),
    ]
}

fn pages() -> Vec<Case> {
    let page =
        |name, rules: &str| usual(name, &["cors"]).answer(Operation::GetBucketCors, cors(rules));
    let all = ["GET", "PUT", "POST", "DELETE"];
    let headers = ["content-type", "if-none-match", "x-amz-*"];
    let exposed = ["ETag", "x-amz-abort-date"];
    let complete = cors_rule("https://app.example.com", &all, &headers, &exposed);
    let old = cors_rule("https://old.example.com", &["GET", "HEAD"], &["range"], &["ETag"]);
    let by_all = cors_rule("*", &["PUT"], &["*"], &["ETag"]);
    vec![
        usual("no CORS rules", &["cors"]),
        page("a page that can upload", &complete),
        page("two pages, of which one can only read", &format!("{complete}{old}")),
        page("a page that any other's rule lets in", &format!("{old}{by_all}")),
        page(
            "a page that can't read the parts' tags",
            &cors_rule("https://app.example.com", &all, &["content-type", "x-amz-*"], &[]),
        ),
        named("a page that may not send tags", &["cors"]).answer(
            Operation::GetBucketCors,
            cors(&cors_rule(
                "https://app.example.com",
                &all,
                &["content-type", "if-none-match", "x-amz-mp-object-size"],
                &exposed,
            )),
        ),
    ]
}

fn windows() -> Vec<Case> {
    let window = |name| usual(name, &["window"]);
    vec![
        window("a session that ends soon").answer_first(
            Operation::AssumeRole,
            Reply::minted("ASIAMINTED", now() + SignedDuration::from_mins(10)),
        ),
        named("a window of a minute", &["window"]),
    ]
}
