//! Where links lead: hosts with capitals, names and regions of other S3s, buckets in the path, and a
//! public endpoint beside the one that the function calls.

use fake_aws::{Call, FakeAws, Object, Operation, Reply};
use jiff::Timestamp;
use s3_link_signer::Handler;
use serde_json::{Value, json};

use super::requests::{get, post};
use super::settings::settings;

const KEY: &str = "private-files/report.pdf";

/// A function with one grant, for this bucket, and these settings.
fn handler(bucket: &str, region: &str, changes: &[(&str, &str)]) -> Handler {
    let grants = json!([{"bucket": bucket, "prefix": "", "principals": ["*"], "region": region}]);
    let grants = grants.to_string();
    let usual = [("GRANTS", grants.as_str()), ("ASSUMED_SESSION_SECONDS", "43200")];
    Handler::new(settings(&[&usual[..], changes].concat()), Timestamp::now, |_| ())
}

async fn link(handler: &Handler, body: &Value) -> Value {
    let (status, link) = post(handler, "alice", "/links", body).await;
    assert_eq!(status, 200, "{link}");
    link
}

/// The link that was opened since the last time.
fn opened(s3: &FakeAws) -> Call {
    let opened: Vec<_> = s3.take_calls().into_iter().filter(Call::is_presigned).collect();
    let [opened] = opened.try_into().unwrap();
    opened
}

/// What stands in the URL before the key, and the region that it is signed for.
async fn leads_to(handler: &Handler) -> (String, String) {
    let link = link(handler, &json!({"key": KEY})).await;
    let url = link["url"].as_str().unwrap();
    let scope = url.split_once("X-Amz-Credential=").unwrap().1;
    let region = scope.split("%2F").nth(2).unwrap().to_owned();
    (url.split_once(&format!("/{KEY}?")).unwrap().0.to_owned(), region)
}

#[tokio::test]
async fn a_bucket_is_in_the_host_if_it_can_be_and_never_changes_its_case() {
    let endpoint = ("AWS_ENDPOINT_URL_S3", "http://MyHost:9000");
    let by_path = ("S3_ADDRESSING", "path");
    for (bucket, changes, expected) in [
        ("files", &[][..], "https://files.s3.eu-west-1.amazonaws.com"),
        ("My_Bucket", &[], "https://s3.eu-west-1.amazonaws.com/My_Bucket"),
        ("FILES", &[], "https://s3.eu-west-1.amazonaws.com/FILES"),
        ("files", &[by_path], "https://s3.eu-west-1.amazonaws.com/files"),
        ("files", &[endpoint], "http://files.myhost:9000"),
        ("My_Bucket", &[endpoint], "http://myhost:9000/My_Bucket"),
        ("files", &[endpoint, by_path], "http://myhost:9000/files"),
        ("files", &[endpoint, ("S3_ADDRESSING", "virtual")], "http://files.myhost:9000"),
    ] {
        let (origin, region) = leads_to(&handler(bucket, "eu-west-1", changes)).await;
        assert_eq!((origin.as_str(), region.as_str()), (expected, "eu-west-1"), "{bucket}");
    }
}

#[tokio::test]
async fn links_are_signed_for_regions_that_are_not_aws_s() {
    for region in ["auto", "garage", "fsn1"] {
        let endpoint = ("AWS_ENDPOINT_URL_S3", "https://s3.example.com");
        let function = handler("files", region, &[endpoint]);
        let expected = ("https://files.s3.example.com".to_owned(), region.to_owned());
        assert_eq!(leads_to(&function).await, expected);
        // The server names the region itself, and the function's own is none of AWS's either.
        let s3 = FakeAws::start().await;
        s3.state().bucket("files").region = region.to_owned();
        let grants = r#"[{"bucket":"files","prefix":"","principals":["*"]}]"#;
        let own =
            [("GRANTS", grants), ("AWS_REGION", region), ("AWS_ENDPOINT_URL_S3", &s3.endpoint())];
        assert_eq!(leads_to(&handler("files", "", &own)).await.1, region);
    }
}

#[tokio::test]
async fn s3_is_called_with_the_bucket_in_the_path_too() {
    let s3 = FakeAws::start().await;
    s3.put_object("files", KEY, Object::of_size(7));
    // This name leads to this machine, as an address does, and other than an address it can have a
    // bucket before it.
    let endpoint = s3.endpoint().replace("127.0.0.1", "localhost");
    let changes = [("AWS_ENDPOINT_URL_S3", endpoint.as_str()), ("S3_ADDRESSING", "path")];
    let function = handler("files", "eu-west-1", &changes);
    let body = json!({"key": KEY, "check": true, "version_id": "null"});
    link(&function, &body).await;
    let calls = s3.take_calls();
    assert!(calls.len() >= 3);
    for call in calls {
        assert_eq!(call.bucket(), "files", "{}", call.head);
    }
}

const OUTSIDE: (&str, &str) = ("S3_PUBLIC_ENDPOINT", "https://Files.Example.com");

#[tokio::test]
async fn links_lead_to_the_public_endpoint_and_a_check_opens_one_inside() {
    let s3 = FakeAws::start().await;
    s3.put_object("files", KEY, Object::of_size(7));
    let inside = s3.endpoint();
    let function = handler("files", "eu-west-1", &[("AWS_ENDPOINT_URL_S3", &inside), OUTSIDE]);
    for method in ["GET", "HEAD"] {
        let unchecked = link(&function, &json!({"key": KEY, "method": method})).await;
        assert!(unchecked.get("checked").is_none() && s3.take_calls().is_empty());
        let checked = link(&function, &json!({"key": KEY, "method": method, "check": true})).await;
        assert_eq!(checked["checked"], "inside");
        for link in [&unchecked, &checked] {
            let url = link["url"].as_str().unwrap();
            assert!(url.starts_with(&format!("https://files.files.example.com/{KEY}?")), "{url}");
        }
        let opened = opened(&s3);
        assert!(opened.head.starts_with(method), "{}", opened.head);
        assert_eq!(opened.query_parameter("x-link-id").unwrap(), checked["link_id"]);
        // A signature for the host outside would not be accepted inside.
        let outside = checked["url"].as_str().unwrap();
        let signature = opened.query_parameter("X-Amz-Signature").unwrap();
        assert!(!outside.contains(&signature));
    }
    let (status, location) = get(&function, "alice", "/download", &format!("key={KEY}")).await;
    assert_eq!(status, 303);
    assert!(location.starts_with("https://files.files.example.com/"), "{location}");
}

#[tokio::test]
async fn a_check_is_about_the_inside_alone() {
    let s3 = FakeAws::scripted(|call| {
        (call.operation == Operation::GetObject).then(|| Reply::s3_error(404, "NoSuchKey"))
    })
    .await;
    let inside = s3.endpoint();
    let function = handler("files", "eu-west-1", &[("AWS_ENDPOINT_URL_S3", &inside), OUTSIDE]);
    let (status, problem) =
        post(&function, "alice", "/links", &json!({"key": KEY, "check": true})).await;
    assert_eq!((status, &problem["code"]), (422, &json!("object-unavailable")));
}

#[tokio::test]
async fn without_a_public_endpoint_a_checked_link_says_nothing_of_sides() {
    let s3 = FakeAws::start().await;
    s3.put_object("files", KEY, Object::of_size(7));
    let function = handler("files", "eu-west-1", &[("AWS_ENDPOINT_URL_S3", &s3.endpoint())]);
    let checked = link(&function, &json!({"key": KEY, "check": true})).await;
    assert!(checked.get("checked").is_none(), "{checked}");
    // The very URL was opened, but for its window.
    let url = format!("{}{}?", s3.endpoint(), opened(&s3).path);
    assert!(checked["url"].as_str().unwrap().starts_with(&url));
}

#[tokio::test]
async fn a_public_endpoint_may_stand_before_aws_s_own_s3() {
    let function = handler("files", "eu-west-1", &[OUTSIDE, ("S3_ADDRESSING", "path")]);
    let expected = ("https://files.example.com/files".to_owned(), "eu-west-1".to_owned());
    assert_eq!(leads_to(&function).await, expected);
}

#[tokio::test]
async fn a_key_that_begins_with_a_slash_or_holds_two_stands_in_the_url_as_it_is() {
    let function = handler("files", "eu-west-1", &[]);
    for (key, path) in [("/a", "//a?"), ("a//b", "/a//b?"), ("//", "///?")] {
        let link = link(&function, &json!({"key": key})).await;
        let expected = format!("https://files.s3.eu-west-1.amazonaws.com{path}");
        assert!(link["url"].as_str().unwrap().starts_with(&expected), "{link}");
    }
}
