//! The keys of uploads: from the headers that are signed, from the fields of a form, and in parts from
//! the upload that they belong to. `examples` has the policies that demand headers.

use link_rules::policy::{
    Effect, Knowledge, Policy, RequestContext, S3Request, Upload, UploadOperation, describe,
    missing_headers,
};
use serde_json::{Value, json};

use crate::question;
use crate::rules::{evaluate, outcome_for};

use UploadOperation::{
    CompleteMultipartUpload, CreateMultipartUpload, Form, PutObject, UploadPart,
};

type Headers<'a> = &'a [(&'a str, &'a str)];

fn upload(operation: UploadOperation, headers: Headers<'_>) -> RequestContext<'_> {
    RequestContext { request: S3Request::PutObject(Upload { operation, headers }), ..question() }
}

/// The outcome of one condition for an upload.
fn condition(
    operation: UploadOperation,
    headers: Headers<'_>,
    operator: &str,
    key: &str,
    value: Value,
) -> String {
    let mut keys = json!({});
    keys[key] = value;
    let mut operators = json!({});
    operators[operator] = keys;
    outcome_for(&json!({"Condition": operators}), &upload(operation, headers))
}

fn put(headers: Headers<'_>, operator: &str, key: &str, value: Value) -> String {
    condition(PutObject, headers, operator, key, value)
}

#[test]
fn each_request_needs_a_permission_of_its_own() {
    let put = S3Request::PutObject(Upload { operation: PutObject, headers: &[] });
    let part = S3Request::PutObject(Upload { operation: UploadPart, headers: &[] });
    let form = S3Request::PutObject(Upload { operation: Form, headers: &[] });
    let list = S3Request::ListMultipartUploadParts;
    for (action, needed_by) in [
        ("s3:GetObject", vec!["get"]),
        ("s3:PutObject", vec!["put", "part", "form"]),
        ("s3:AbortMultipartUpload", vec!["abort"]),
        ("s3:ListMultipartUploadParts", vec!["list"]),
        ("s3:*MultipartUpload*", vec!["abort", "list"]),
        ("s3:PutObjectTagging", vec![]),
        ("s3:UploadPart", vec![]),
    ] {
        for (name, request) in [
            ("get", S3Request::GetObject),
            ("put", put),
            ("part", part),
            ("form", form),
            ("abort", S3Request::AbortMultipartUpload),
            ("list", list),
        ] {
            let outcome =
                outcome_for(&json!({"Action": action}), &RequestContext { request, ..question() });
            let expected = if needed_by.contains(&name) { "refuses" } else { "none" };
            assert_eq!(outcome, expected, "{action} {name}");
        }
    }
}

#[test]
fn the_header_that_is_signed_is_the_key() {
    for (key, header) in [
        ("s3:if-match", "if-match"),
        ("s3:if-none-match", "if-none-match"),
        ("s3:object-lock-legal-hold", "x-amz-object-lock-legal-hold"),
        ("s3:object-lock-mode", "x-amz-object-lock-mode"),
        ("s3:x-amz-acl", "x-amz-acl"),
        ("s3:x-amz-content-sha256", "x-amz-content-sha256"),
        ("s3:x-amz-copy-source", "x-amz-copy-source"),
        ("s3:x-amz-grant-full-control", "x-amz-grant-full-control"),
        ("s3:x-amz-grant-read", "x-amz-grant-read"),
        ("s3:x-amz-grant-read-acp", "x-amz-grant-read-acp"),
        ("s3:x-amz-grant-write", "x-amz-grant-write"),
        ("s3:x-amz-grant-write-acp", "x-amz-grant-write-acp"),
        ("s3:x-amz-metadata-directive", "x-amz-metadata-directive"),
        ("S3:X-Amz-Server-Side-Encryption", "x-amz-server-side-encryption"),
        (
            "s3:x-amz-server-side-encryption-customer-algorithm",
            "x-amz-server-side-encryption-customer-algorithm",
        ),
        ("s3:x-amz-storage-class", "x-amz-storage-class"),
        ("s3:x-amz-website-redirect-location", "x-amz-website-redirect-location"),
    ] {
        let with = |operator, value| put(&[(header, "Value")], operator, key, json!(value));
        assert_eq!(with("StringEquals", "Value"), "refuses", "{key}");
        assert_eq!(with("StringEquals", "value"), "none");
        assert_eq!(with("StringNotEquals", "Value"), "none");
        assert_eq!(with("StringNotEquals", "other"), "refuses");
        assert_eq!(with("Null", "true"), "none");
        assert_eq!(with("Null", "false"), "refuses");
        if key == "s3:x-amz-content-sha256" {
            continue;
        }
        // A negated operator holds where the key is missing.
        let without = |operator, value| put(&[], operator, key, json!(value));
        assert_eq!(without("StringEquals", "Value"), "none", "{key}");
        assert_eq!(without("StringNotEquals", "Value"), "refuses");
        assert_eq!(without("StringNotLikeIfExists", "*"), "refuses");
        assert_eq!(without("Null", "true"), "refuses");
        // A header of another name is another key.
        let other = put(&[("content-type", "Value")], "Null", key, json!("true"));
        assert_eq!(other, "refuses", "{key}");
    }
    // As a link's: S3 takes the payload for unsigned, or the key for missing.
    let sha256 =
        |headers, value| put(headers, "StringNotEquals", "s3:x-amz-content-sha256", json!(value));
    assert_eq!(sha256(&[], "UNSIGNED-PAYLOAD"), "depends");
    assert_eq!(sha256(&[("x-amz-content-sha256", "UNSIGNED-PAYLOAD")], "UNSIGNED-PAYLOAD"), "none");
    // The reference has no key for these headers.
    let metadata = [("x-amz-meta-team", "red")];
    assert_eq!(put(&metadata, "StringEquals", "s3:x-amz-meta-team", json!("red")), "depends");
    assert_eq!(put(&[], "StringEquals", "s3:x-amz-meta-team", json!("red")), "none");
}

#[test]
fn a_download_has_the_keys_that_it_had() {
    for (operator, key, expected) in [
        ("StringNotEquals", "s3:x-amz-server-side-encryption", "refuses"),
        ("StringNotEquals", "s3:x-amz-acl", "refuses"),
        ("StringNotEquals", "s3:if-none-match", "depends"),
        ("StringNotEquals", "s3:object-lock-mode", "depends"),
        ("StringNotEquals", "s3:RequestObjectTag/a", "depends"),
        ("ForAllValues:StringEquals", "s3:RequestObjectTagKeys", "depends"),
        ("Bool", "s3:ObjectCreationOperation", "depends"),
    ] {
        let elements = json!({"Condition": {operator: {key: "true"}}});
        for request in [
            S3Request::GetObject,
            S3Request::AbortMultipartUpload,
            S3Request::ListMultipartUploadParts,
        ] {
            let question = RequestContext { request, ..question() };
            assert_eq!(outcome_for(&elements, &question), expected, "{request:?} {key}");
        }
    }
}

#[test]
fn parts_may_have_the_headers_of_the_upload_or_not() {
    for operation in [UploadPart, CompleteMultipartUpload] {
        for key in [
            "s3:x-amz-acl",
            "s3:x-amz-grant-read",
            "s3:x-amz-server-side-encryption",
            "s3:x-amz-server-side-encryption-aws-kms-key-id",
            "s3:x-amz-storage-class",
            "s3:object-lock-mode",
            "s3:object-lock-retain-until-date",
            "s3:RequestObjectTag/a",
            "s3:RequestObjectTagKeys",
        ] {
            for operator in ["StringNotEquals", "Null"] {
                let of_part = condition(operation, &[], operator, key, json!("true"));
                assert_eq!(of_part, "depends", "{operation:?} {operator} {key}");
                let of_create = condition(CreateMultipartUpload, &[], operator, key, json!("true"));
                assert_eq!(of_create, "refuses", "{operator} {key}");
            }
        }
        // These are not the upload's.
        for key in ["s3:if-match", "s3:if-none-match", "s3:x-amz-copy-source"] {
            assert_eq!(condition(operation, &[], "Null", key, json!("true")), "refuses", "{key}");
        }
        let with = [("x-amz-server-side-encryption-customer-algorithm", "AES256")];
        let key = "s3:x-amz-server-side-encryption-customer-algorithm";
        assert_eq!(condition(operation, &with, "Null", key, json!("false")), "refuses");
    }
}

#[test]
fn a_field_of_a_form_may_count_as_a_header_or_not() {
    let form =
        |headers, operator, value| condition(Form, headers, operator, "s3:x-amz-acl", json!(value));
    let acl: Headers = &[("acl", "private")];
    assert_eq!(form(acl, "StringEquals", "private"), "depends");
    assert_eq!(form(acl, "StringNotEquals", "private"), "depends");
    assert_eq!(form(acl, "StringNotEquals", "public-read"), "refuses");
    assert_eq!(form(acl, "StringEquals", "public-read"), "none");
    assert_eq!(form(&[], "StringNotEquals", "private"), "refuses");
    // Nor is the field of this name that of the canned ACL.
    assert_eq!(form(&[("x-amz-acl", "private")], "StringEquals", "private"), "none");
    assert_eq!(
        put(&[("acl", "private")], "StringEquals", "s3:x-amz-acl", json!("private")),
        "none"
    );
    let class = [("x-amz-storage-class", "GLACIER")];
    let key = "s3:x-amz-storage-class";
    assert_eq!(condition(Form, &class, "StringNotEquals", key, json!("GLACIER")), "depends");
}

#[test]
fn a_form_is_a_post_and_ages_as_links_do() {
    let form = |operator, value| condition(Form, &[], operator, "s3:authType", json!(value));
    assert_eq!(form("StringEquals", "POST"), "refuses");
    assert_eq!(form("StringNotEquals", "POST"), "none");
    assert_eq!(form("StringNotEquals", "REST-QUERY-STRING"), "refuses");
    assert_eq!(form("StringLike", "P*"), "refuses");
    assert_eq!(form("StringEquals", "post"), "depends");
    assert_eq!(form("StringEqualsIgnoreCase", "post"), "refuses");
    for operation in [PutObject, CreateMultipartUpload, UploadPart, CompleteMultipartUpload] {
        let auth = |value| condition(operation, &[], "StringEquals", "s3:authType", json!(value));
        assert_eq!(auth("REST-QUERY-STRING"), "refuses");
        assert_eq!(auth("POST"), "none");
    }
    for operation in [PutObject, Form, UploadPart] {
        let older = json!(600_000);
        let age = condition(operation, &[], "NumericGreaterThan", "s3:signatureAge", older);
        assert_eq!(age, "from 600001 ms");
    }
}

#[test]
fn what_creates_the_object_is_an_object_creation_operation() {
    for (operation, creates) in [
        (PutObject, true),
        (Form, true),
        (CompleteMultipartUpload, true),
        (CreateMultipartUpload, false),
        (UploadPart, false),
    ] {
        let is = |value: bool| {
            condition(operation, &[], "Bool", "s3:ObjectCreationOperation", json!(value))
        };
        assert_eq!(is(creates), "refuses", "{operation:?}");
        assert_eq!(is(!creates), "none", "{operation:?}");
    }
}

#[test]
fn a_key_of_aws_kms_is_known_by_its_arn_alone() {
    let key = "s3:x-amz-server-side-encryption-aws-kms-key-id";
    let header = "x-amz-server-side-encryption-aws-kms-key-id";
    let id = "1234abcd-12ab-34cd-56ef-1234567890ab";
    let arn = format!("arn:aws:kms:eu-west-1:111122223333:key/{id}");
    let other = "arn:aws:kms:eu-west-1:111122223333:key/other";
    for operator in ["ArnEquals", "StringEquals", "ArnLike"] {
        assert_eq!(put(&[(header, &arn)], operator, key, json!(arn)), "refuses", "{operator}");
        assert_eq!(put(&[(header, other)], operator, key, json!(arn)), "none", "{operator}");
    }
    let alias_arn = "arn:aws:kms:eu-west-1:111122223333:alias/uploads";
    for named in [id, "alias/uploads", alias_arn] {
        let named = [(header, named)];
        assert_eq!(put(&named, "ArnNotEquals", key, json!(arn)), "depends");
        assert_eq!(put(&named, "Null", key, json!("true")), "none");
    }
    // S3 chooses a key, and may say so to the policy.
    for with in ["aws:kms", "aws:kms:dsse"] {
        let chosen = [("x-amz-server-side-encryption", with)];
        assert_eq!(put(&chosen, "ArnNotEquals", key, json!(arn)), "depends");
        assert_eq!(put(&chosen, "Null", key, json!("true")), "depends");
    }
    let without = [("x-amz-server-side-encryption", "AES256")];
    assert_eq!(put(&without, "ArnNotEquals", key, json!(arn)), "refuses");
    assert_eq!(put(&without, "Null", key, json!("true")), "refuses");
}

#[test]
fn a_date_of_retention_is_a_date_and_its_days_pass() {
    let until: Headers = &[("x-amz-object-lock-retain-until-date", "2027-01-01T00:00:00Z")];
    let date = "s3:object-lock-retain-until-date";
    assert_eq!(put(until, "DateGreaterThan", date, json!("2026-12-31")), "refuses");
    assert_eq!(put(until, "DateLessThan", date, json!("2026-12-31T23:59:59Z")), "none");
    assert_eq!(put(&[], "DateNotEquals", date, json!("2026-12-31")), "refuses");
    assert_eq!(put(until, "StringEquals", date, json!("2027-01-01T00:00:00Z")), "depends");
    let unclear = [("x-amz-object-lock-retain-until-date", "tomorrow")];
    assert_eq!(put(&unclear, "DateGreaterThan", date, json!("2026-12-31")), "depends");
    assert_eq!(put(&unclear, "Null", date, json!("true")), "none");

    // Somebody who may upload today may be refused tomorrow, and nobody knows when the day ends.
    let days = "s3:object-lock-remaining-retention-days";
    for (operation, headers) in [(PutObject, until), (Form, until), (UploadPart, &[][..])] {
        let few = condition(operation, headers, "NumericLessThan", days, json!(10));
        assert_eq!(few, "unreadable", "{operation:?}");
    }
    assert_eq!(put(until, "Null", days, json!("true")), "none");
    assert_eq!(put(&[], "NumericLessThan", days, json!(10)), "none");
    assert_eq!(put(&[], "Null", days, json!("true")), "refuses");
}

#[test]
fn tags_are_decoded_and_a_key_in_another_case_may_be_the_same() {
    let tag =
        |tags, operator, key, value| put(&[("x-amz-tagging", tags)], operator, key, json!(value));
    let team = "s3:RequestObjectTag/Team";
    assert_eq!(tag("Team=dark%20red&b=c", "StringEquals", team, "dark red"), "refuses");
    assert_eq!(
        tag("b=c&Team=dark+red", "StringEquals", "S3:requestobjecttag/Team", "dark red"),
        "refuses"
    );
    assert_eq!(tag("T%65am=red", "StringNotEquals", team, "red"), "none");
    assert_eq!(tag("Team=Red", "StringEquals", team, "red"), "none");
    assert_eq!(tag("Team", "StringEquals", team, ""), "refuses");
    // In another case it is this tag, or none.
    assert_eq!(tag("team=red", "StringEquals", team, "red"), "depends");
    assert_eq!(tag("team=red", "StringEquals", team, "blue"), "none");
    assert_eq!(tag("team=red", "StringNotEquals", team, "blue"), "refuses");
    assert_eq!(tag("team=red", "Null", team, "true"), "depends");
    assert_eq!(tag("team=red&Team=blue", "StringEquals", team, "blue"), "depends");
    assert_eq!(tag("team=red&Team=blue", "Null", team, "true"), "none");
    assert_eq!(tag("team=red&Team=red", "StringEquals", team, "red"), "refuses");
    assert_eq!(tag("b=c", "StringNotEquals", team, "red"), "refuses");
    assert_eq!(tag("%FF=c", "StringNotEquals", team, "red"), "depends");
}

#[test]
fn keys_of_tags_are_compared_one_by_one() {
    let keys = |tags, operator: &str, values| {
        put(&[("x-amz-tagging", tags)], operator, "s3:RequestObjectTagKeys", values)
    };
    let both = "Owner=jane&Project=X";
    for (operator, known, one_of_both, neither) in [
        ("ForAllValues:StringEquals", "refuses", "none", "none"),
        ("ForAllValues:StringNotEquals", "none", "none", "refuses"),
        ("ForAnyValue:StringEquals", "refuses", "refuses", "none"),
        ("ForAnyValue:StringNotEquals", "none", "refuses", "refuses"),
        // AWS asks for a set operator here.
        ("StringEquals", "refuses", "depends", "none"),
        ("StringNotEquals", "none", "depends", "refuses"),
    ] {
        assert_eq!(keys(both, operator, json!(["Owner", "Project", "a"])), known, "{operator}");
        assert_eq!(keys(both, operator, json!(["Owner", "a"])), one_of_both, "{operator}");
        assert_eq!(keys(both, operator, json!(["owner", "a"])), neither, "{operator}");
        let like = operator.replace("Equals", "Like");
        assert_eq!(keys(both, &like, json!("Own*")), one_of_both, "{like}");
    }
    assert_eq!(keys(both, "Null", json!("true")), "none");
    for tags in ["", "&"] {
        assert_eq!(keys(tags, "Null", json!("true")), "refuses", "{tags:?}");
        assert_eq!(keys(tags, "ForAllValues:StringEquals", json!("Owner")), "refuses");
        assert_eq!(keys(tags, "ForAnyValue:StringEquals", json!("Owner")), "none");
    }
    assert_eq!(keys("Owner=jane", "StringEquals", json!("Owner")), "refuses");
}

#[test]
fn a_missing_header_is_named_with_the_values_that_lift_the_deny() {
    let missing = |condition: Value, request: &RequestContext<'_>| -> Vec<_> {
        let verdict = evaluate(&json!({"Condition": condition}), request);
        let headers = verdict.statements.iter().flat_map(missing_headers);
        headers.map(|header| format!("{}: {}", header.name, header.values.join(" | "))).collect()
    };
    let put = upload(PutObject, &[]);
    for (condition, expected) in [
        (
            json!({"StringNotLike": {"s3:x-amz-acl": ["bucket-*", "private"]}}),
            vec!["x-amz-acl: bucket-* | private"],
        ),
        (
            json!({"StringNotEqualsIfExists": {"s3:x-amz-acl": "private"}}),
            vec!["x-amz-acl: private"],
        ),
        (
            json!({"ForAllValues:StringNotEquals": {"s3:RequestObjectTagKeys": ["a b", "c"]}}),
            vec!["x-amz-tagging: a%20b= | c="],
        ),
        (json!({"Null": {"s3:RequestObjectTag/Team": true}}), vec!["x-amz-tagging: Team="]),
        (json!({"Null": {"s3:object-lock-mode": ["true"]}}), vec!["x-amz-object-lock-mode: "]),
        // With these no value is known to be enough, or the key is about no header.
        (json!({"Null": {"s3:x-amz-acl": ["true", "false"]}}), vec![]),
        (json!({"StringEqualsIfExists": {"s3:x-amz-acl": "private"}}), vec![]),
        (json!({"StringNotEquals": {"s3:x-amz-acl": []}}), vec![]),
        (json!({"NotIpAddress": {"s3:x-amz-acl": "10.0.0.0/8"}}), vec![]),
        (json!({"StringNotEquals": {"s3:VersionId": "3"}}), vec![]),
        (json!({}), vec![]),
        // Each is enough, and so is one of a statement that limits.
        (
            json!({"StringNotEquals": {"s3:x-amz-acl": "private"}, "Null": {"s3:if-none-match": true},
                "NumericGreaterThan": {"s3:signatureAge": 600_000}}),
            vec!["if-none-match: ", "x-amz-acl: private"],
        ),
    ] {
        assert_eq!(missing(condition.clone(), &put), expected, "{condition}");
    }
    // A header with another value is not missing, nor one that the upload may have.
    let acl = json!({"StringNotEquals": {"s3:x-amz-acl": "private"}});
    let public = [("x-amz-acl", "public-read")];
    assert_eq!(missing(acl.clone(), &upload(PutObject, &public)), [""; 0]);
    assert_eq!(missing(acl.clone(), &upload(UploadPart, &[])), [""; 0]);
    let verdict = evaluate(&json!({"Condition": acl}), &put);
    assert_eq!(verdict.statements[0].conditions[0].1, Knowledge::Missing);
}

#[test]
fn a_statement_is_described_with_the_word_for_the_request() {
    let describe = |elements: &Value, request| {
        let question = RequestContext { request, ..question() };
        describe(&evaluate(elements, &question).statements[0])
    };
    let put = S3Request::PutObject(Upload { operation: PutObject, headers: &[] });
    let always = json!({});
    assert_eq!(describe(&always, S3Request::GetObject), "statement \"S\" refuses every such link");
    assert_eq!(describe(&always, put), "statement \"S\" refuses every such upload");
    let abort = describe(&always, S3Request::AbortMultipartUpload);
    assert_eq!(abort, "statement \"S\" refuses every such request");
    let later = json!({"Condition": {"NumericGreaterThan": {"s3:signatureAge": 600_000}}});
    assert_eq!(
        describe(&later, put),
        "statement \"S\" refuses the upload from an age of 600.001 s on"
    );
    let until = json!({"Condition": {"NumericLessThan": {"s3:signatureAge": 600_000}}});
    assert_eq!(
        describe(&until, put),
        "statement \"S\" refuses every such upload until an age of 600 s"
    );
    let like = json!({"Condition": {"StringLike": {"s3:signatureAge": "6*"}}});
    assert!(describe(&like, put).starts_with("statement \"S\" may refuse every such upload: AWS"));
    let other = json!({"Principal": {"AWS": "AROAEXAMPLEID"}});
    assert!(describe(&other, put).starts_with("statement \"S\" refuses the upload, if its"));
}

#[test]
fn an_upload_keeps_to_the_earliest_bound_of_its_own_statements() {
    let policy = json!({"Statement": [
        {"Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": "*",
            "Condition": {"NumericGreaterThan": {"s3:signatureAge": 60_000}}},
        {"Effect": "Deny", "Principal": "*", "Action": "s3:Put*", "Resource": "*",
            "Condition": {"NumericGreaterThan": {"s3:signatureAge": 900_000}}},
        {"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": "*",
            "Condition": {"StringNotEquals": {"s3:x-amz-acl": "private"},
                "NumericGreaterThan": {"s3:signatureAge": 300_000}}},
    ]});
    let policy = Policy::parse(&policy.to_string()).unwrap();
    let age = |question: &RequestContext<'_>| policy.evaluate(question).least_age().unwrap();
    assert_eq!(age(&question()).as_millis(), 60_001);
    assert_eq!(age(&upload(PutObject, &[])).as_millis(), 300_001);
    assert_eq!(age(&upload(PutObject, &[("x-amz-acl", "private")])).as_millis(), 900_001);
    let part = policy.evaluate(&upload(UploadPart, &[]));
    assert_eq!(part.least_age().unwrap().as_millis(), 300_001);
    let of_parts = part.statements[1].effect;
    assert!(matches!(of_parts, Effect::Limits { everybody: false, .. }), "{of_parts:?}");
}
