//! Random statements, and what the requests have that their conditions are about.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use crate::json::is_date;
use crate::oracle::{
    Compare, Condition, Element, Key, OperatorType, Principal, Set, Statement, Value,
};
use crate::requests::{
    ACLS, ARN, ENCRYPTIONS, IF_NONE_MATCH, KMS_KEYS, LOCK_MODES, Link, OTHER_ARN, Operation, Sent,
    TAGS as SENT_TAGS,
};

/// The whole second in which every link is signed, since 1970: a quarter of a minute before 2027.
pub(crate) const SIGNED_AT: i64 = 1_798_761_585;

/// How many seconds later 2027 begins.
pub(crate) const YEAR: i64 = 15;

/// Ages and times of day in the policies lie within so many seconds of the signature.
pub(crate) const LAST_SECOND: i64 = 40;

const NETWORKS: [&str; 2] = ["203.0.113.0/24", "198.51.100.0/24"];
const ENDPOINTS: [&str; 2] = ["vpce-1", "vpce-2"];
const REFERERS: [&str; 2] = ["https://example.com/*", "https://example.com/a?"];
const AGENTS: [&str; 2] = ["curl/8.1", "CURL/8.1"];
const TAGS: [&str; 2] = ["public", "draft"];

/// The keys that no signer knows, each with all values that make a difference to the values above.
pub(crate) fn recipients_values(key: Key) -> &'static [Option<&'static str>] {
    match key {
        Key::SourceIp => &[None, Some("203.0.113.7"), Some("198.51.100.9"), Some("192.0.2.1")],
        Key::SourceVpce => &[None, Some("vpce-1"), Some("vpce-2"), Some("vpce-3")],
        Key::Referer => &[
            None,
            Some("https://example.com/*"),
            Some("https://example.com/a?"),
            Some("https://example.com/ab"),
            Some("https://example.com/b"),
            Some("http://b"),
        ],
        Key::UserAgent => &[None, Some("curl/8.1"), Some("CURL/8.1"), Some("Firefox/140")],
        Key::TlsVersion => &[Some("1.0"), Some("1.2"), Some("1.4")],
        Key::ObjectTag => &[None, Some("public"), Some("draft"), Some("secret")],
        // What an access point has. A link to a bucket has none, whatever is said here.
        Key::AccessPointOrigin => &[Some("Internet"), Some("VPC")],
        _ => &[],
    }
}

/// The keys that only uploads have.
const OF_UPLOADS: [Key; 8] = [
    Key::Acl,
    Key::Encryption,
    Key::OfKms,
    Key::LockMode,
    Key::IfNoneMatch,
    Key::Team,
    Key::TagKeys,
    Key::CreatesObject,
];

/// Half of them download, and the others upload in some way.
pub(crate) fn links() -> impl Strategy<Value = Link> {
    use Operation::{Abort, Complete, Create, Form, Get, ListParts, Part, Put};

    let operations = select(
        &[
            Get, Get, Get, Get, Get, Get, Get, Get, Put, Put, Form, Create, Part, Complete, Abort,
            ListParts,
        ][..],
    );
    let sent = (
        select(&ACLS[..]),
        select(&ENCRYPTIONS[..]),
        select(&KMS_KEYS[..]),
        select(&LOCK_MODES[..]),
        select(&IF_NONE_MATCH[..]),
        select(&SENT_TAGS[..]),
    )
        .prop_map(|(acl, encryption, kms_key, lock_mode, if_none_match, tags)| Sent {
            acl,
            encryption,
            kms_key,
            lock_mode,
            if_none_match,
            tags,
        });
    let versions = select(&[None, None, Some("3")][..]);
    (operations, versions, select(&[false, false, false, true][..]), sent).prop_map(
        |(operation, version_id, through_access_point, sent)| {
            let version_id = version_id.filter(|_| operation == Operation::Get);
            Link { operation, version_id, through_access_point, sent }
        },
    )
}

/// A key, an operator with whether it is negated, and values.
type Comparison = (Key, (Compare, bool), Vec<Value>);

fn conditions() -> impl Strategy<Value = Condition> {
    let condition = prop_oneof![
        8 => of_time(), 3 => of_known(), 4 => of_unknown(), 4 => of_upload(), 1 => of_null(),
    ];
    let sets = select(&[None, None, None, Some(Set::ForAllValues), Some(Set::ForAnyValue)][..]);
    let types = prop_oneof![
        12 => Just(OperatorType::Documented),
        1 => Just(OperatorType::Other),
        1 => Just(OperatorType::Text),
    ];
    (condition, sets, select(&[false, false, true][..]), types, any::<u8>()).prop_map(
        |((key, (compare, negated), values), set, if_exists, type_of_operator, style)| {
            // IAM has no IfExists for Null, and its guide contradicts itself about ForAnyValue with a
            // key that is missing, be it negated or with IfExists: `rules` has those.
            let plain = compare == Compare::Null;
            let may_be_missing = [
                Key::VersionId,
                Key::AccessPointArn,
                Key::AccessPointAccount,
                Key::AccessPointOrigin,
            ];
            let doubtful = may_be_missing.contains(&key) || OF_UPLOADS.contains(&key);
            let set = match set {
                _ if plain => None,
                // AWS documents no comparison of several values without a set operator.
                Some(Set::ForAnyValue) if key == Key::TagKeys && !negated && !if_exists => set,
                _ if key == Key::TagKeys => Some(Set::ForAllValues),
                Some(Set::ForAnyValue) if doubtful => None,
                set => set,
            };
            let type_of_operator = match type_of_operator {
                // Both operators for numbers and for dates are documented for it.
                OperatorType::Other if key == Key::EpochTime => OperatorType::Documented,
                other if key.is_time() && !plain => other,
                _ => OperatorType::Documented,
            };
            // An operator for numbers reads no years.
            let reads_years = type_of_operator == OperatorType::Documented && is_date(key, style);
            let readable = |value| match value {
                Value::Year(second) if !reads_years => Value::Number(second),
                value => value,
            };
            let values = values.into_iter().map(readable).collect();
            let if_exists = if_exists && !plain;
            Condition { set, compare, negated, if_exists, key, values, type_of_operator, style }
        },
    )
}

fn of_time() -> impl Strategy<Value = Comparison> {
    let orders = || {
        select(
            &[
                (Compare::Equals, false),
                (Compare::Equals, true),
                (Compare::Less, false),
                (Compare::LessOrEqual, false),
                (Compare::Greater, false),
                (Compare::GreaterOrEqual, false),
            ][..],
        )
    };
    let ages = (-1..=LAST_SECOND, select(&[0_i64, 0, 0, 1, 500, 999][..]))
        .prop_map(|(seconds, milliseconds)| seconds * 1_000 + milliseconds);
    let ages = prop_oneof![
        12 => ages.clone().prop_map(Value::Number),
        2 => ages.prop_map(Value::Unusual),
        1 => select(vec![Value::Nonsense, Value::Variable]),
    ];
    let seconds = || -3..=LAST_SECOND;
    let instants = prop_oneof![
        12 => seconds().prop_map(Value::Number),
        2 => seconds().prop_map(Value::Unusual),
        2 => Just(Value::Year(YEAR)),
        1 => select(vec![Value::Nonsense, Value::Variable]),
    ];
    prop_oneof![
        (Just(Key::SignatureAge), orders(), vec(ages, 1..3)),
        (select(&[Key::CurrentTime, Key::EpochTime][..]), orders(), vec(instants, 1..3)),
    ]
}

/// A key that is compared with some of these texts.
fn of_texts(
    key: Key,
    texts: &[&'static str],
    variable: bool,
) -> impl Strategy<Value = Comparison> + use<> {
    let compare = [Compare::StringEquals, Compare::StringEqualsIgnoreCase, Compare::StringLike];
    let mut values: Vec<_> = texts.iter().map(|text| Value::Text(text)).collect();
    values.extend(variable.then_some(Value::Variable));
    (Just(key), (select(compare.to_vec()), any::<bool>()), vec(select(values), 1..3))
}

fn of_known() -> impl Strategy<Value = Comparison> {
    let versions = ["AWS", "AWS4-HMAC-SHA256", "aws4-hmac-sha256", "AWS4*"];
    let arns = ["arn:aws:s3:eu-west-1:111122223333:accesspoint/files", "arn:aws:s3:*", "files"];
    let accounts = ["111122223333", "444455556666", "1111*"];
    prop_oneof![
        of_texts(Key::SignatureVersion, &versions, true),
        of_texts(Key::AuthType, &["REST-QUERY-STRING", "POST", "REST-HEADER", "REST-*"], true),
        of_texts(Key::PrincipalAccount, &accounts, true),
        of_texts(Key::VersionId, &["3", "4", "?"], false),
        of_texts(Key::AccessPointArn, &arns, false),
        of_texts(Key::AccessPointAccount, &accounts, true),
        (
            Just(Key::SecureTransport),
            Just((Compare::Bool, false)),
            vec(select(vec![Value::Text("true"), Value::Text("false")]), 1..3)
        ),
    ]
}

fn of_unknown() -> impl Strategy<Value = Comparison> {
    let addresses = (
        Just(Key::SourceIp),
        (Just(Compare::IpAddress), any::<bool>()),
        vec(select(NETWORKS.map(Value::Text).to_vec()), 1..3),
    );
    let tls = (
        Just(Key::TlsVersion),
        (select(&[Compare::Less, Compare::Greater][..]), Just(false)),
        vec(select(vec![Value::Text("1.1"), Value::Text("1.3")]), 1..2),
    );
    prop_oneof![
        addresses,
        of_texts(Key::SourceVpce, &ENDPOINTS, false),
        of_texts(Key::Referer, &REFERERS, false),
        of_texts(Key::UserAgent, &AGENTS, false),
        of_texts(Key::ObjectTag, &TAGS, false),
        of_texts(Key::AccessPointOrigin, &["Internet", "VPC", "V*"], false),
        tls,
    ]
}

fn of_upload() -> impl Strategy<Value = Comparison> {
    prop_oneof![
        of_texts(Key::Acl, &["private", "PRIVATE", "bucket-*", "bucket-owner-full-control"], false),
        of_texts(Key::Encryption, &["AES256", "aes256", "aws:kms", "aws:*"], false),
        of_texts(Key::OfKms, &[ARN, OTHER_ARN, "*/1234"], false),
        of_texts(Key::LockMode, &["GOVERNANCE", "COMPLIANCE"], false),
        of_texts(Key::IfNoneMatch, &["\"etag\""], false),
        of_texts(Key::Team, &["dark red", "Dark Red", "b*"], false),
        of_texts(Key::TagKeys, &["Team", "team", "t*", "class"], false),
        (
            Just(Key::CreatesObject),
            Just((Compare::Bool, false)),
            vec(select(vec![Value::Text("true"), Value::Text("false")]), 1..2)
        ),
        (
            select(OF_UPLOADS.to_vec()),
            Just((Compare::Null, false)),
            vec(select(vec![Value::Text("true"), Value::Text("false")]), 1..2),
        ),
    ]
}

fn of_null() -> impl Strategy<Value = Comparison> {
    let keys = [
        Key::SignatureAge,
        Key::CurrentTime,
        Key::VersionId,
        Key::SourceVpce,
        Key::Referer,
        Key::AccessPointArn,
        Key::AccessPointOrigin,
    ];
    (
        select(keys.to_vec()),
        Just((Compare::Null, false)),
        vec(select(vec![Value::Text("true"), Value::Text("false")]), 1..2),
    )
}

pub(crate) fn statements() -> impl Strategy<Value = Statement> {
    let element = |usual: &'static [&'static str], patterns: &'static [&'static str]| {
        prop_oneof![
            5 => Just(Element { negated: false, patterns: usual.to_vec() }),
            1 => (any::<bool>(), vec(select(patterns), 1..3))
                .prop_map(|(negated, patterns)| Element { negated, patterns }),
        ]
    };
    let actions = &[
        "s3:GetObject",
        "S3:getobject*",
        "s3:Get?bjectVersion",
        "s3:PutObject",
        "s3:put*",
        "s3:*MultipartUpload",
        "s3:ListMultipartUploadParts",
        "s3:*",
        "*",
    ];
    let resources = &[
        "arn:aws:s3:::amzn-s3-demo-bucket/private-files/*",
        "arn:aws:s3:::amzn-s3-demo-bucket/Private-files/*",
        "arn:*:s3:::*/report.???",
        "arn:aws-cn:s3:::amzn-s3-demo-bucket/*",
        "arn:aws:s3:::amzn-s3-demo-bucket",
        "arn:aws:s3:eu-west-1:*/report.pdf",
    ];
    let role = "arn:aws:iam::111122223333:role/link-signer";
    let session = "arn:aws:sts::111122223333:assumed-role/link-signer/link-signer";
    let signer = |entries: Vec<_>| Principal { negated: false, entries, is_signer: true };
    let other = |entries: Vec<_>| Principal { negated: false, entries, is_signer: false };
    let negated = |principal: Principal| Principal { negated: true, ..principal };
    let principals = select(vec![
        signer(vec!["*"]),
        signer(vec!["*"]),
        signer(vec!["*"]),
        signer(vec!["444455556666", "111122223333"]),
        signer(vec![role]),
        signer(vec![session]),
        other(vec!["444455556666"]),
        other(vec!["arn:aws:iam::111122223333:role/another"]),
        negated(other(vec!["444455556666", "arn:aws:iam::444455556666:user/jane"])),
        negated(signer(vec![session, role, "111122223333"])),
    ]);
    let action = element(&["s3:*"], actions);
    let resource = element(&["*"], resources);
    let conditions = prop_oneof![1 => vec(conditions(), 0..1), 9 => vec(conditions(), 1..4)];
    (action, resource, principals, conditions).prop_map(
        |(action, resource, principal, conditions)| {
            // Two conditions on one unknown key can contradict each other, which the evaluator does
            // not try to find out: it takes unknown conditions for independent.
            let mut seen = Vec::new();
            let keeps = |condition: &Condition| {
                let unknown = !recipients_values(condition.key).is_empty()
                    || OF_UPLOADS.contains(&condition.key);
                let repeated = unknown && seen.contains(&condition.key);
                seen.push(condition.key);
                !repeated
            };
            let conditions = conditions.into_iter().filter(keeps).collect();
            Statement { action, resource, principal, conditions }
        },
    )
}
