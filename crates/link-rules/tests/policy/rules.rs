//! IAM's rules, one by one.

use jiff::SignedDuration;
use link_rules::policy::{
    Bound, Effect, Evaluation, Knowledge, Policy, PolicyError, RequestContext, SignatureVersion,
    SigningPrincipal, StatementEvaluation, TokenIssued,
};
use serde_json::{Value, json};

use crate::question;

/// A policy of one `Deny` for everybody and everything, with `elements` added or replaced.
pub(crate) fn policy(elements: &Value) -> Policy {
    let mut statement = json!({
        "Sid": "S", "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*",
    });
    for (name, value) in elements.as_object().unwrap() {
        if let Some(positive) = name.strip_prefix("Not") {
            statement.as_object_mut().unwrap().remove(positive);
        }
        statement[name] = value.clone();
    }
    Policy::parse(&json!({"Version": "2012-10-17", "Statement": statement}).to_string()).unwrap()
}

pub(crate) fn evaluate(elements: &Value, question: &RequestContext<'_>) -> Evaluation {
    policy(elements).evaluate(question)
}

/// What one `Deny` does to the link, in a word or two.
pub(crate) fn outcome_for(elements: &Value, question: &RequestContext<'_>) -> String {
    let verdict = evaluate(elements, question);
    match verdict.statements.as_slice() {
        [] => "none".to_owned(),
        [StatementEvaluation { effect, .. }] => match effect {
            Effect::Refuses { until: None } => "refuses".to_owned(),
            Effect::Refuses { until: Some(until) } => format!("refuses until {}", text(*until)),
            Effect::Limits { from, until, everybody } => {
                let until = until.map(|until| format!(" until {}", text(until)));
                let who = if *everybody { "" } else { " for some" };
                format!("from {}{}{who}", text(*from), until.unwrap_or_default())
            }
            Effect::Depends { until } => {
                let until = until.map(|until| format!(" until {}", text(until)));
                format!("depends{}", until.unwrap_or_default())
            }
            Effect::Unreadable { bound } => {
                let bound = bound.map(|bound| format!(" from {}", text(bound)));
                format!("unreadable{}", bound.unwrap_or_default())
            }
        },
        more => panic!("{more:?}"),
    }
}

fn text(bound: Bound) -> String {
    match bound {
        Bound::Age(age) => format!("{} ms", age.as_millis()),
        Bound::Instant(instant) => instant.to_string(),
    }
}

pub(crate) fn outcome(elements: &Value) -> String {
    outcome_for(elements, &question())
}

/// The outcome of one condition.
pub(crate) fn condition(operator: &str, key: &str, values: Value) -> String {
    let mut keys = json!({});
    keys[key] = values;
    let mut operators = json!({});
    operators[operator] = keys;
    outcome(&json!({"Condition": operators}))
}

#[test]
fn each_order_of_an_age_is_exact_to_the_millisecond() {
    for (operator, expected) in [
        ("NumericGreaterThan", "from 900001 ms"),
        ("NumericGreaterThanEquals", "from 900000 ms"),
        ("NumericEquals", "from 900000 ms until 900001 ms"),
        ("NumericLessThan", "refuses until 900000 ms"),
        ("NumericLessThanEquals", "refuses until 900001 ms"),
        ("NumericNotEquals", "refuses until 900000 ms"),
    ] {
        assert_eq!(condition(operator, "s3:signatureAge", json!(900_000)), expected, "{operator}");
        assert_eq!(condition(operator, "S3:SIGNATUREAGE", json!(["900000"])), expected);
    }
    let decimal = condition("NumericGreaterThan", "s3:signatureAge", json!("900000.5"));
    assert_eq!(decimal, "from 900001 ms");
    assert_eq!(condition("NumericGreaterThan", "s3:signatureAge", json!(-1)), "refuses");
    assert_eq!(condition("NumericLessThan", "s3:signatureAge", json!(0)), "none");
}

#[test]
fn each_order_of_an_instant_is_exact_to_the_second() {
    for (operator, expected) in [
        ("GreaterThan", "from 2026-11-23T14:30:01Z"),
        ("GreaterThanEquals", "from 2026-11-23T14:30:00Z"),
        ("Equals", "from 2026-11-23T14:30:00Z until 2026-11-23T14:30:01Z"),
        ("LessThan", "refuses until 2026-11-23T14:30:00Z"),
        ("LessThanEquals", "refuses until 2026-11-23T14:30:01Z"),
        ("NotEquals", "refuses until 2026-11-23T14:30:00Z"),
    ] {
        let date = format!("Date{operator}");
        for value in [json!("2026-11-23T14:30:00Z"), json!(1_795_444_200), json!("1795444200")] {
            for key in ["aws:CurrentTime", "AWS:currenttime", "aws:EpochTime"] {
                assert_eq!(condition(&date, key, value.clone()), expected, "{date} {key}");
            }
        }
        let numeric = format!("Numeric{operator}");
        assert_eq!(condition(&numeric, "aws:EpochTime", json!(1_795_444_200)), expected);
    }
}

#[test]
fn one_value_of_a_list_is_enough_and_a_negated_operator_needs_all_to_differ() {
    let methods = json!(["POST", "REST-QUERY-STRING"]);
    assert_eq!(condition("StringEquals", "s3:authType", methods.clone()), "refuses");
    assert_eq!(condition("StringNotEquals", "s3:authType", methods), "none");
    let others = json!(["POST", "REST-HEADER"]);
    assert_eq!(condition("StringEquals", "s3:authType", others.clone()), "none");
    assert_eq!(condition("StringNotEquals", "s3:authType", others), "refuses");
    let ages = json!([900_000, "600000", 1_200_000]);
    assert_eq!(condition("NumericGreaterThan", "s3:signatureAge", ages), "from 600001 ms");
    assert_eq!(condition("StringEquals", "s3:authType", json!([])), "none");
    assert_eq!(condition("StringNotEquals", "s3:authType", json!([])), "refuses");
}

#[test]
fn keys_and_operators_have_any_case_and_values_have_their_own() {
    let version = |operator, value| condition(operator, "S3:SignatureVersion", json!(value));
    assert_eq!(version("stringequals", "AWS4-HMAC-SHA256"), "refuses");
    assert_eq!(version("StringEquals", "aws4-hmac-sha256"), "none");
    assert_eq!(version("StringNotEquals", "aws4-hmac-sha256"), "refuses");
    assert_eq!(version("StringEqualsIgnoreCase", "aws4-hmac-sha256"), "refuses");
    assert_eq!(version("StringNotEqualsIgnoreCase", "aws4-hmac-sha256"), "none");
    assert_eq!(version("StringLike", "AWS4-*"), "refuses");
    assert_eq!(version("StringLike", "aws4-*"), "none");
    assert_eq!(version("StringNotLike", "AWS?-*"), "none");
    assert_eq!(version("StringEquals", "AWS4-*"), "none");
    let auth = |operator| condition(operator, "s3:authType", json!("rest-query-string"));
    assert_eq!(auth("StringEquals"), "depends");
    assert_eq!(auth("StringNotEquals"), "depends");
    assert_eq!(auth("StringEqualsIgnoreCase"), "refuses");
}

#[test]
fn a_request_without_the_key_meets_only_what_is_negated_or_asks_if_it_exists() {
    // A link without a version has no s3:VersionId.
    let version = |operator| condition(operator, "s3:VersionId", json!("3"));
    assert_eq!(version("StringEquals"), "none");
    assert_eq!(version("StringNotEquals"), "refuses");
    assert_eq!(version("StringEqualsIfExists"), "refuses");
    assert_eq!(version("StringNotEqualsIfExists"), "refuses");
    assert_eq!(version("ForAllValues:StringEquals"), "refuses");
    assert_eq!(version("ForAllValues:StringNotEquals"), "refuses");
    assert_eq!(version("ForAnyValue:StringEquals"), "none");
    // IAM's guide contradicts itself about these.
    assert_eq!(version("ForAnyValue:StringNotEquals"), "depends");
    assert_eq!(version("ForAnyValue:StringEqualsIfExists"), "depends");
    assert_eq!(condition("NumericGreaterThan", "s3:max-keys", json!(10)), "none");
    assert_eq!(condition("IpAddressIfExists", "aws:SourceArn", json!("::/0")), "refuses");
    // With the key, IfExists and the set operators change nothing.
    for prefix in ["", "ForAllValues:", "ForAnyValue:"] {
        for suffix in ["", "IfExists"] {
            let operator = |name| format!("{prefix}{name}{suffix}");
            let age = condition(&operator("NumericGreaterThan"), "s3:signatureAge", json!(5));
            assert_eq!(age, "from 6 ms");
            let post = condition(&operator("StringEquals"), "s3:authType", json!("POST"));
            assert_eq!(post, "none");
            let not_post = condition(&operator("StringNotEquals"), "s3:authType", json!("POST"));
            assert_eq!(not_post, "refuses");
        }
    }
}

#[test]
fn null_holds_where_the_key_is_missing() {
    let null = |key, value| condition("Null", key, value);
    assert_eq!(null("s3:signatureAge", json!("true")), "none");
    assert_eq!(null("s3:signatureAge", json!(false)), "refuses");
    assert_eq!(null("s3:VersionId", json!(true)), "refuses");
    assert_eq!(null("s3:VersionId", json!("false")), "none");
    assert_eq!(null("s3:VersionId", json!(["true", "false"])), "refuses");
    assert_eq!(null("s3:x-amz-server-side-encryption", json!(true)), "refuses");
    assert_eq!(null("aws:SourceVpce", json!(true)), "depends");
    assert_eq!(null("s3:TlsVersion", json!(true)), "none");
    assert_eq!(null("s3:TlsVersion", json!(false)), "refuses");
}

#[test]
fn what_the_recipient_brings_is_unknown_and_so_is_what_nobody_here_knows() {
    for (operator, key, value, knowledge) in [
        ("NotIpAddress", "aws:SourceIp", "203.0.113.0/24", Knowledge::Recipient),
        ("IpAddress", "aws:VpcSourceIp", "10.0.0.0/8", Knowledge::Recipient),
        ("StringNotEquals", "aws:SourceVpce", "vpce-1", Knowledge::Recipient),
        ("StringLike", "aws:Referer", "https://*", Knowledge::Recipient),
        ("StringLike", "aws:UserAgent", "curl/*", Knowledge::Recipient),
        ("NumericLessThan", "s3:TlsVersion", "1.2", Knowledge::Recipient),
        ("StringEquals", "s3:ExistingObjectTag/a", "b", Knowledge::Unknown),
        ("StringEquals", "aws:PrincipalOrgID", "o-1", Knowledge::Unknown),
        ("BinaryEquals", "s3:NewKey", "QQ==", Knowledge::Unknown),
        ("StringEquals", "s3:signatureversion", "${aws:PrincipalTag/v}", Knowledge::Unknown),
        ("NumericEquals", "s3:authType", "1", Knowledge::Unknown),
        ("StringResembles", "s3:authType", "POST", Knowledge::Unknown),
        ("Bool", "aws:SecureTransport", "yes", Knowledge::Unknown),
    ] {
        let condition = json!({"Condition": {operator: {key: value}}});
        assert_eq!(outcome(&condition), "depends", "{operator} {key}");
        let verdict = evaluate(&condition, &question());
        let (written, known) = &verdict.statements[0].conditions[0];
        assert_eq!((written.operator.as_str(), written.key.as_str()), (operator, key));
        assert_eq!(written.values, [value]);
        assert_eq!(*known, knowledge, "{operator} {key}");
    }
}

#[test]
fn all_conditions_must_be_met_and_a_bound_holds_for_whoever_may_meet_the_rest() {
    let outside = json!({"aws:SourceIp": "203.0.113.0/24"});
    let older = json!({"s3:signatureAge": 600_000});
    let both = json!({"NotIpAddress": outside, "NumericGreaterThan": older});
    assert_eq!(outcome(&json!({"Condition": both})), "from 600001 ms for some");
    let verdict = evaluate(&json!({"Condition": both}), &question());
    let known: Vec<_> = verdict.statements[0].conditions.iter().map(|(_, known)| *known).collect();
    assert_eq!(known, [Knowledge::Recipient, Knowledge::Time]);

    let younger = json!({"NotIpAddress": outside, "NumericLessThan": older});
    assert_eq!(outcome(&json!({"Condition": younger})), "depends until 600000 ms");
    let never = json!({"NotIpAddress": outside, "Bool": {"aws:SecureTransport": false},
        "NumericGreaterThan": older});
    assert_eq!(outcome(&json!({"Condition": never})), "none");
    let window = json!({"DateGreaterThanEquals": {"aws:CurrentTime": "2026-11-23T14:10:00Z"},
        "DateLessThan": {"aws:CurrentTime": "2026-11-23T14:20:00Z"}});
    assert_eq!(
        outcome(&json!({"Condition": window})),
        "from 2026-11-23T14:10:00Z until 2026-11-23T14:20:00Z"
    );
    // Of an age and an instant the later one decides.
    let later = json!({"DateGreaterThanEquals": {"aws:CurrentTime": "2026-11-23T14:30:00Z"},
        "NumericGreaterThan": {"s3:signatureAge": 600_000}});
    assert_eq!(outcome(&json!({"Condition": later})), "from 2026-11-23T14:30:00Z");
}

#[test]
fn of_several_statements_the_earliest_bound_counts_and_the_longest_refusal() {
    let statement = |sid: &str, condition: Value| {
        json!({"Sid": sid, "Effect": "Deny", "Principal": "*", "Action": "s3:*",
            "Resource": "*", "Condition": condition})
    };
    let older = |ms: u32| json!({"NumericGreaterThanEquals": {"s3:signatureAge": ms}});
    let after = |at: &str| json!({"DateGreaterThanEquals": {"aws:CurrentTime": at}});
    let before = |at: &str| json!({"DateLessThan": {"aws:CurrentTime": at}});
    let all = |statements: &[Value]| {
        Policy::parse(&json!({"Statement": statements}).to_string()).unwrap().evaluate(&question())
    };
    let bounds = all(&[
        statement("a", older(900_000)),
        json!({"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "*"}),
        statement("b", older(600_000)),
        statement("c", after("2026-11-23T16:00:00Z")),
        statement("d", after("2026-11-23T15:00:00Z")),
    ]);
    assert_eq!(bounds.least_age(), Some(SignedDuration::from_secs(600)));
    assert_eq!(bounds.least_instant().unwrap().to_string(), "2026-11-23T15:00:00Z");
    assert_eq!(bounds.refused_by(), None);
    let places: Vec<_> = bounds.statements.iter().map(|statement| statement.index).collect();
    assert_eq!(places, [0, 2, 3, 4]);

    let monday = statement("monday", before("2026-11-30T00:00:00Z"));
    let sunday = statement("sunday", before("2026-11-29T00:00:00Z"));
    let refusal = |statements: &[Value]| all(statements).refused_by().unwrap().sid.clone().unwrap();
    assert_eq!(refusal(&[sunday.clone(), monday.clone()]), "monday");
    assert_eq!(refusal(&[monday.clone(), sunday]), "monday");
    assert_eq!(refusal(&[monday, statement("closed", json!({}))]), "closed");
}

#[test]
fn the_action_is_the_link_s_own_in_any_case() {
    let with_version = RequestContext { version_id: Some("3"), ..question() };
    for (action, without, with) in [
        (json!("s3:GetObject"), "refuses", "none"),
        (json!("s3:GetObjectVersion"), "none", "refuses"),
        (json!("S3:getobject*"), "refuses", "refuses"),
        (json!(["s3:PutObject", "s3:Get?bject"]), "refuses", "none"),
        (json!("*"), "refuses", "refuses"),
        (json!("s3:List*"), "none", "none"),
        (json!("s3-outposts:*"), "none", "none"),
    ] {
        assert_eq!(outcome(&json!({"Action": action})), without, "{action}");
        assert_eq!(outcome_for(&json!({"Action": action}), &with_version), with, "{action}");
        let opposite = |outcome| if outcome == "none" { "refuses" } else { "none" };
        let not = json!({"NotAction": action});
        assert_eq!(outcome(&not), opposite(without), "{action}");
        assert_eq!(outcome_for(&not, &with_version), opposite(with), "{action}");
    }
}

#[test]
fn the_resource_is_the_object_in_its_own_case() {
    for (resource, expected, negated) in [
        ("arn:aws:s3:::amzn-s3-demo-bucket/*", "refuses", "none"),
        ("arn:aws:s3:::amzn-s3-demo-bucket/private-files/report.pdf", "refuses", "none"),
        ("arn:*:s3:::*-bucket/private-files/report.???", "refuses", "none"),
        ("arn:aws:s3:::amzn-s3-demo-bucket", "none", "refuses"),
        ("arn:aws:s3:::amzn-s3-demo-bucket/Private-files/*", "none", "refuses"),
        ("arn:aws-cn:s3:::amzn-s3-demo-bucket/*", "none", "refuses"),
        ("arn:aws:s3:::amzn-s3-demo-bucket/${aws:username}/*", "depends", "depends"),
        ("arn:aws:s3:::amzn-s3-demo-bucket/home/${aws:username}/*", "none", "refuses"),
    ] {
        assert_eq!(outcome(&json!({"Resource": resource})), expected, "{resource}");
        assert_eq!(outcome(&json!({"NotResource": [resource]})), negated, "{resource}");
    }
    let china = RequestContext { bucket_arn: "arn:aws-cn:s3:::amzn-s3-demo-bucket", ..question() };
    let resource = json!({"Resource": "arn:aws-cn:s3:::amzn-s3-demo-bucket/*"});
    assert_eq!(outcome_for(&resource, &china), "refuses");
}

#[test]
fn a_principal_names_the_session_its_role_or_its_account() {
    let session = "arn:aws:sts::111122223333:assumed-role/link-signer/link-signer";
    for (principal, expected) in [
        (json!("*"), "refuses"),
        (json!({"AWS": "*"}), "refuses"),
        (json!({"AWS": "111122223333"}), "refuses"),
        (json!({"aws": ["444455556666", "arn:aws:iam::111122223333:root"]}), "refuses"),
        (json!({"AWS": "arn:aws:iam::111122223333:role/link-signer"}), "refuses"),
        (json!({"AWS": "arn:aws:iam::111122223333:role/service-role/link-signer"}), "refuses"),
        (json!({"AWS": session}), "refuses"),
        (json!({"AWS": format!("{session}-2")}), "none"),
        (json!({"AWS": "arn:aws:iam::111122223333:role/link-signer-2"}), "none"),
        (json!({"AWS": "arn:aws:iam::111122223333:user/link-signer"}), "none"),
        (json!({"AWS": "arn:aws:iam::444455556666:role/link-signer"}), "none"),
        (json!({"AWS": "arn:aws-cn:iam::111122223333:root"}), "none"),
        (json!({"AWS": "AROAEXAMPLEID"}), "depends"),
        (json!({"AWS": "AIDAEXAMPLEID"}), "none"),
        (json!({"Service": "lambda.amazonaws.com"}), "none"),
        (json!({"Federated": "cognito-identity.amazonaws.com"}), "none"),
        (json!({"CanonicalUser": "79a59df900b949e55d96a1e698fbaced"}), "depends"),
    ] {
        assert_eq!(outcome(&json!({"Principal": principal})), expected, "{principal}");
    }
    let not = |names: &[&str]| outcome(&json!({"NotPrincipal": {"AWS": names}}));
    let (account, role) = ("111122223333", "arn:aws:iam::111122223333:role/link-signer");
    assert_eq!(not(&["444455556666"]), "refuses");
    assert_eq!(not(&[account, role, session]), "none");
    assert_eq!(not(&["*"]), "none");
    // Not all of the signer's names: IAM's guide says that it might be denied.
    assert_eq!(not(&[account, role]), "depends");
    assert_eq!(not(&[role, session]), "depends");
    let service = json!({"NotPrincipal": {"Service": "lambda.amazonaws.com"}});
    assert_eq!(outcome(&service), "refuses");
}

#[test]
fn a_user_and_a_signer_nobody_knows_are_judged_too() {
    let arn = "arn:aws:iam::111122223333:user/team/jane";
    let user = RequestContext {
        signer: SigningPrincipal {
            arn: Some(arn),
            role_arn: None,
            user_id: Some("AIDAEXAMPLEID"),
            token_issued: TokenIssued::Never,
            multi_factor: Some(false),
        },
        ..question()
    };
    for (elements, expected) in [
        (json!({"Principal": {"AWS": arn}}), "refuses"),
        (json!({"Principal": {"AWS": "AIDAEXAMPLEID"}}), "refuses"),
        (json!({"Principal": {"AWS": "AIDAANOTHERID"}}), "none"),
        (json!({"NotPrincipal": {"AWS": [arn, "111122223333"]}}), "none"),
        (json!({"NotPrincipal": {"AWS": arn}}), "depends"),
        (json!({"Condition": {"StringEquals": {"aws:username": "jane"}}}), "refuses"),
        (json!({"Condition": {"StringEquals": {"aws:PrincipalType": "User"}}}), "refuses"),
        (json!({"Condition": {"ArnEquals": {"aws:PrincipalArn": arn}}}), "refuses"),
        (json!({"Condition": {"StringNotLike": {"aws:userid": "AIDAEXAMPLE*"}}}), "none"),
        (json!({"Condition": {"Null": {"aws:TokenIssueTime": true}}}), "refuses"),
    ] {
        assert_eq!(outcome_for(&elements, &user), expected, "{elements}");
    }
    let unknown =
        RequestContext { signer: SigningPrincipal { arn: None, ..user.signer }, ..question() };
    for (elements, expected) in [
        (json!({}), "refuses"),
        (json!({"Principal": {"AWS": arn}}), "depends"),
        (json!({"NotPrincipal": {"AWS": arn}}), "depends"),
        (json!({"Condition": {"ArnEquals": {"aws:PrincipalArn": arn}}}), "depends"),
    ] {
        assert_eq!(outcome_for(&elements, &unknown), expected, "{elements}");
    }
}

#[test]
fn what_is_known_of_the_signer_decides() {
    let signer = |signer| RequestContext { signer, ..question() };
    let issued_at = |text: &str| TokenIssued::At(text.parse().unwrap());
    let revoked = json!({"Condition":
        {"DateLessThan": {"aws:TokenIssueTime": "2026-11-23T13:00:00Z"}}});
    let with_token = |token_issued| {
        outcome_for(&revoked, &signer(SigningPrincipal { token_issued, ..crate::signer() }))
    };
    assert_eq!(with_token(issued_at("2026-11-23T12:59:59Z")), "refuses");
    assert_eq!(with_token(issued_at("2026-11-23T13:00:00Z")), "none");
    assert_eq!(with_token(TokenIssued::Unknown), "depends");
    assert_eq!(with_token(TokenIssued::Never), "none");

    let by_arn =
        |operator: &str, value: &str| json!({"Condition": {operator: {"aws:PrincipalArn": value}}});
    let role = "arn:aws:iam::111122223333:role/team/link-signer";
    let with_path = signer(SigningPrincipal { role_arn: Some(role), ..crate::signer() });
    assert_eq!(outcome_for(&by_arn("ArnLike", role), &with_path), "refuses");
    assert_eq!(outcome_for(&by_arn("ArnNotEquals", role), &with_path), "none");
    assert_eq!(
        outcome_for(&by_arn("ArnEquals", "arn:aws:iam::*:role/team/*"), &with_path),
        "refuses"
    );
    assert_eq!(outcome_for(&by_arn("ArnLike", "arn:aws:iam::*:role/other/*"), &with_path), "none");
    assert_eq!(outcome_for(&by_arn("ArnLike", "*"), &with_path), "refuses");
    // Each part of an ARN is compared by itself.
    assert_eq!(outcome_for(&by_arn("ArnLike", "arn:aws:*:role/team/*"), &with_path), "depends");
    assert_eq!(outcome_for(&by_arn("StringLike", "arn:aws:*:role/team/*"), &with_path), "refuses");
    assert_eq!(outcome(&by_arn("ArnLike", role)), "depends");
    assert_eq!(outcome(&by_arn("ArnLike", "arn:aws:iam::111122223333:role/admin")), "none");

    for (key, value, expected) in [
        ("aws:PrincipalAccount", "111122223333", "refuses"),
        ("aws:PrincipalType", "AssumedRole", "refuses"),
        ("aws:username", "link-signer", "none"),
        ("aws:RequestedRegion", "eu-west-1", "refuses"),
        ("aws:ViaAWSService", "false", "refuses"),
        ("aws:userid", "AROAEXAMPLEID:link-signer", "depends"),
    ] {
        assert_eq!(condition("StringEquals", key, json!(value)), expected, "{key}");
    }
    assert_eq!(
        condition("NumericEquals", "aws:PrincipalAccount", json!(111_122_223_333_u64)),
        "refuses"
    );
    let multi_factor =
        json!({"Condition": {"BoolIfExists": {"aws:MultiFactorAuthPresent": false}}});
    assert_eq!(outcome(&multi_factor), "refuses");
    let unknown = signer(SigningPrincipal { multi_factor: None, ..crate::signer() });
    assert_eq!(outcome_for(&multi_factor, &unknown), "depends");
}

#[test]
fn the_scheme_the_algorithm_and_the_version_are_the_link_s() {
    let insecure = json!({"Condition": {"Bool": {"aws:SecureTransport": "FALSE"}}});
    assert_eq!(outcome(&insecure), "none");
    let http = RequestContext { https: Some(false), ..question() };
    assert_eq!(outcome_for(&insecure, &http), "refuses");
    let multi_region = RequestContext { signature: SignatureVersion::SigV4A, ..question() };
    let algorithm = |operator: &str, value: &str| json!({"Condition": {operator: {"s3:signatureversion": value}}});
    assert_eq!(outcome_for(&algorithm("StringEquals", "AWS"), &multi_region), "none");
    let hmac = algorithm("StringNotEquals", "AWS4-HMAC-SHA256");
    assert_eq!(outcome_for(&hmac, &multi_region), "depends");
    assert_eq!(outcome(&hmac), "none");
    let version = json!({"Condition": {"StringNotEquals": {"s3:versionid": "3"}}});
    let with_version = |version_id| RequestContext { version_id: Some(version_id), ..question() };
    assert_eq!(outcome_for(&version, &with_version("3")), "none");
    assert_eq!(outcome_for(&version, &with_version("4")), "refuses");
}

#[test]
fn a_policy_is_read_in_every_form_that_iam_allows() {
    let policy = json!({"version": "2012-10-17", "Id": 3, "Unknown": {}, "statement": {
        "sid": "", "effect": "deny", "PRINCIPAL": "*", "action": "s3:*", "Resource": ["*"],
        "Condition": {"NumericGreaterThan": {"s3:signatureAge": [900_000.0, true]}},
        "Comment": "ours",
    }});
    let verdict = Policy::parse(&policy.to_string()).unwrap().evaluate(&question());
    assert_eq!(verdict.statements[0].sid, None);
    assert_eq!(verdict.least_age(), Some(SignedDuration::from_millis(900_001)));
    assert_eq!(verdict.statements[0].conditions[0].0.values, ["900000.0", "true"]);
}

#[test]
fn a_policy_that_can_t_be_understood_is_an_error_that_names_the_place() {
    let good = json!({"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*"});
    let with = |name: &str, value: Value| {
        let mut statement = good.clone();
        statement[name] = value;
        json!({"Statement": [good, statement]}).to_string()
    };
    let without = |name: &str| {
        let mut statement = good.clone();
        statement.as_object_mut().unwrap().remove(name);
        json!({"Statement": [good, statement]}).to_string()
    };
    for (json, message) in [
        ("[]".to_owned(), "document is not an object"),
        ("{}".to_owned(), "Statement is missing"),
        (json!({"Statement": ["x"]}).to_string(), "Statement[0] is not an object"),
        (with("Effect", json!("Maybe")), "Statement[1].Effect is neither"),
        (without("Effect"), "Statement[1].Effect is neither"),
        (without("Principal"), "Statement[1].Principal is missing"),
        (without("Action"), "Statement[1].Action is missing"),
        (without("Resource"), "Statement[1].Resource is missing"),
        (with("NotAction", json!("s3:*")), "Statement[1].Action stands beside its negated form"),
        (with("Action", json!({})), "Statement[1].Action is neither a text nor a list of texts"),
        (with("Resource", json!([null])), "Statement[1].Resource is neither"),
        (with("Principal", json!({"AWS": {}})), "Statement[1].Principal is not a principal"),
        (with("Condition", json!([])), "Statement[1].Condition is not an object"),
        (with("Condition", json!({"Bool": "x"})), "Statement[1].Condition.Bool is not an object"),
        (
            with("Condition", json!({"Bool": {"aws:SecureTransport": {}}})),
            "Statement[1].Condition.Bool.aws:SecureTransport is neither a value nor",
        ),
    ] {
        let error = Policy::parse(&json).unwrap_err();
        assert!(matches!(error, PolicyError::Element { .. }), "{error}");
        assert!(error.to_string().contains(message), "{error}");
    }
    let error = Policy::parse("{\"Statement\":").unwrap_err();
    assert!(matches!(error, PolicyError::Syntax(_)), "{error}");
}
