//! The keys of access points: a link to a bucket has none of them, and one through an access point has
//! all.

use link_rules::policy::{Knowledge, RequestContext, SignatureVersion};
use serde_json::json;

use crate::question;
use crate::rules::{condition, evaluate, outcome_for};

const ARN: &str = "arn:aws:s3:eu-west-1:111122223333:accesspoint/files";

fn through(bucket_arn: &'static str) -> RequestContext<'static> {
    RequestContext { bucket_arn, ..question() }
}

#[test]
fn a_link_to_a_bucket_has_no_access_point() {
    for (operator, key, value, expected) in [
        ("Null", "s3:DataAccessPointArn", "true", "refuses"),
        ("Null", "s3:DataAccessPointArn", "false", "none"),
        ("StringNotLike", "s3:DataAccessPointArn", "arn:aws:s3:*", "refuses"),
        ("StringLike", "s3:DataAccessPointArn", "*", "none"),
        ("ArnNotLike", "s3:DataAccessPointArn", ARN, "refuses"),
        ("StringNotEquals", "s3:DataAccessPointAccount", "111122223333", "refuses"),
        ("StringEquals", "s3:DataAccessPointAccount", "111122223333", "none"),
        ("StringNotEquals", "s3:AccessPointNetworkOrigin", "VPC", "refuses"),
        ("StringEquals", "S3:accesspointnetworkorigin", "Internet", "none"),
        ("StringNotEqualsIfExists", "s3:AccessPointNetworkOrigin", "VPC", "refuses"),
        ("StringEqualsIfExists", "s3:AccessPointNetworkOrigin", "Internet", "refuses"),
    ] {
        assert_eq!(condition(operator, key, json!(value)), expected, "{operator} {key}");
    }
}

#[test]
fn a_link_through_an_access_point_has_its_arn_and_its_account() {
    let multi_region = "arn:aws:s3::111122223333:accesspoint/mfzwi23gnjvgw.mrap";
    for arn in [ARN, multi_region] {
        let question = RequestContext { signature: SignatureVersion::SigV4A, ..through(arn) };
        for (operator, key, value, expected) in [
            ("Null", "s3:DataAccessPointArn", "true", "none"),
            ("StringEquals", "s3:DataAccessPointArn", arn, "refuses"),
            ("ArnLike", "s3:DataAccessPointArn", "arn:aws:s3:*:*:accesspoint/*", "refuses"),
            ("StringNotLike", "s3:DataAccessPointArn", "arn:aws:s3:*", "none"),
            ("StringEquals", "s3:DataAccessPointArn", "arn:aws:s3:::files", "none"),
            ("StringNotEquals", "s3:DataAccessPointAccount", "111122223333", "none"),
            ("StringNotEquals", "s3:DataAccessPointAccount", "444455556666", "refuses"),
            ("Null", "s3:AccessPointNetworkOrigin", "true", "none"),
            ("StringEquals", "s3:AccessPointNetworkOrigin", "VPC", "depends"),
            ("StringNotEquals", "s3:AccessPointNetworkOrigin", "Internet", "depends"),
            ("StringEquals", "s3:AccessPointNetworkOrigin", "Office", "none"),
        ] {
            let condition = json!({"Condition": {operator: {key: value}}});
            assert_eq!(outcome_for(&condition, &question), expected, "{arn} {condition}");
        }
    }
    let vpc = json!({"Condition": {"StringEquals": {"s3:AccessPointNetworkOrigin": "VPC"}}});
    let verdict = evaluate(&vpc, &through(ARN));
    assert_eq!(verdict.statements[0].conditions[0].1, Knowledge::Unknown);
}

#[test]
fn an_arn_with_a_colon_may_be_written_with_a_slash() {
    let question = through("arn:aws:s3:eu-west-1:111122223333:accesspoint:files");
    let equals = |arn: &str| json!({"Condition": {"StringEquals": {"s3:DataAccessPointArn": arn}}});
    assert_eq!(outcome_for(&equals(ARN), &question), "depends");
    assert_eq!(
        outcome_for(&equals("arn:aws:s3:eu-west-1:111122223333:accesspoint/x"), &question),
        "none"
    );
    let like =
        json!({"Condition": {"StringNotLike": {"s3:DataAccessPointArn": "*accesspoint?files"}}});
    assert_eq!(outcome_for(&like, &question), "none");
}

#[test]
fn an_alias_names_an_access_point_that_is_not_known() {
    let question = through("arn:aws:s3:::files-abc123-s3alias");
    for (operator, key, value, expected) in [
        ("Null", "s3:DataAccessPointArn", "true", "none"),
        ("Null", "s3:DataAccessPointAccount", "false", "refuses"),
        ("StringNotEquals", "s3:DataAccessPointArn", ARN, "depends"),
        ("StringNotEquals", "s3:DataAccessPointAccount", "111122223333", "depends"),
        ("StringEquals", "s3:AccessPointNetworkOrigin", "VPC", "depends"),
    ] {
        let condition = json!({"Condition": {operator: {key: value}}});
        assert_eq!(outcome_for(&condition, &question), expected, "{condition}");
    }
}
