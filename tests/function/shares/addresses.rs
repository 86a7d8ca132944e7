//! Addresses as people paste them and as a browser behind a CDN has them, and what every answer has.

use serde_json::{Value, json};

use super::function::{
    Answer, GRANTS, Request, aws, downloads, dynamodb_calls, function, function_with, give_objects,
    has_the_page_s_headers, owner, press, press_with, send, share,
};

const HTML: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

async fn open(function: &s3_link_signer::Handler, method: &str, path: &str) -> Answer {
    let headers = json!({ "accept": HTML });
    send(function, Request { method, path, headers, ..Request::default() }).await
}

#[tokio::test]
async fn what_was_pasted_behind_an_address_is_left_out_and_the_form_goes_to_the_clean_one() {
    let aws = aws().await;
    let function = function(&aws);
    let made = share(&function, &json!({})).await;
    for rest in [".", ")", "%20", "/", ">", "%C2%A0", ").", "/index.html", "&a=b", "."] {
        let path = format!("{}{rest}", made.path);
        let page = open(&function, "GET", &path).await;
        assert_eq!(page.status, 200, "{rest}");
        let form = format!("<form method=\"post\" action=\"{}\">", made.path);
        assert!(page.body.contains(&form), "{rest}: {}", page.body);
        let cookie = page.set_cookie.unwrap();
        assert!(cookie.contains(&format!("; Path={};", made.path)), "{rest}: {cookie}");
        assert_eq!(press(&function, &path, page.cookie.as_deref()).await.status, 303, "{rest}");
    }
    assert_eq!(downloads(&function, &made.id).await, 10);
    // The clean one posts to itself, and the page does not repeat its token.
    let page = open(&function, "GET", &made.path).await;
    assert!(page.body.contains("<form method=\"post\">"), "{}", page.body);
    dynamodb_calls(&aws);
    for rest in ["A", "-", "_", "A."] {
        let path = format!("{}{rest}", made.path);
        assert_eq!(open(&function, "GET", &path).await.status, 404, "{rest}");
        assert_eq!(press(&function, &path, None).await.status, 404, "{rest}");
    }
    assert_eq!(dynamodb_calls(&aws), 0);
}

#[tokio::test]
async fn the_cookie_is_for_the_path_that_the_browser_has_and_not_for_the_function_s() {
    for (public_url, before) in [
        ("https://files.example.com", ""),
        ("https://files.example.com/shared", "/shared"),
        ("https://example.com/a/b", "/a/b"),
    ] {
        let aws = aws().await;
        let function = function_with(&aws, &[("PUBLIC_URL", public_url)]);
        let body = json!({"key": super::function::KEY, "max_downloads": 1});
        let made = owner(&function, "alice", "POST", "/shares", &body).await.json();
        let token = made["url"].as_str().unwrap().rsplit_once('/').unwrap().1.to_owned();
        // The CDN leaves the path out, or leaves it as it is.
        for path in [format!("/s/{token}"), format!("{before}/s/{token}")] {
            let page = open(&function, "GET", &format!("{path}.")).await;
            let form = format!("action=\"{before}/s/{token}\"");
            assert!(page.body.contains(&form), "{public_url}: {}", page.body);
            let cookie = page.set_cookie.unwrap();
            let attributes = format!("; Path={before}/s/{token}; Secure; HttpOnly; SameSite=Lax");
            assert!(cookie.ends_with(&attributes), "{public_url}: {cookie}");
        }
    }
}

#[tokio::test]
async fn no_path_that_leads_to_another_host_gets_a_form_or_a_cookie() {
    let aws = aws().await;
    let function = function(&aws);
    let made = share(&function, &json!({})).await;
    let token = made.path.strip_prefix("/s/").unwrap();
    for path in [format!("//evil.example/s/{token}."), format!("/;x/s/{token}.")] {
        let page = open(&function, "GET", &path).await;
        assert!(!page.body.contains("action="), "{}", page.body);
        assert!(!page.set_cookie.unwrap_or_default().contains("Path="));
    }
}

#[tokio::test]
async fn the_query_of_an_address_is_ignored_and_that_of_another_route_is_not() {
    let aws = aws().await;
    let function = function(&aws);
    let made = share(&function, &json!({})).await;
    for (method, status) in [("GET", 200), ("HEAD", 200), ("POST", 303)] {
        let headers = json!({ "accept": HTML });
        let query = "a=%e9&utm_source=mail";
        let request = Request { method, path: &made.path, query, headers, ..Request::default() };
        assert_eq!(send(&function, request).await.status, status, "{method}");
    }
    let request = Request { path: "/download", query: "key=%e9", ..Request::default() };
    assert_eq!(send(&function, request).await.code(), "invalid-request");
}

#[tokio::test]
async fn every_answer_about_an_address_has_the_page_s_headers_and_is_a_page_for_a_browser() {
    let aws = aws().await;
    let function = function(&aws);
    let made = share(&function, &json!({})).await;
    let unreadable = json!({"content-type": "application/json", "accept": HTML});
    let of_a_browser = || json!({ "accept": HTML });
    let of_a_program = || json!({"accept": "application/json"});
    for (method, path, headers, body, status) in [
        ("PUT", made.path.as_str(), of_a_browser(), "", 405),
        ("PUT", made.path.as_str(), of_a_program(), "", 405),
        ("OPTIONS", "/s/x", of_a_browser(), "", 405),
        ("POST", made.path.as_str(), unreadable, "{", 400),
        ("GET", "/s/x", of_a_browser(), "", 404),
    ] {
        let is_page = headers["accept"] == HTML;
        let body = body.to_owned();
        let answer =
            send(&function, Request { method, path, body, headers, ..Request::default() }).await;
        assert_eq!(answer.status, status, "{method} {path}: {answer:?}");
        has_the_page_s_headers(&answer);
        let content_type = answer.headers["content-type"].as_str().unwrap();
        let expected =
            if is_page { "text/html; charset=utf-8" } else { "application/problem+json" };
        assert_eq!(content_type, expected, "{method} {path}");
        if status == 405 {
            assert_eq!(answer.headers["allow"], "GET, HEAD, POST");
        }
        assert!(!answer.body.contains(&made.path[3..]));
    }
    // The item is none that this function wrote.
    for item in aws.state().items("shares").values_mut() {
        item.remove("owner_kind");
    }
    for (method, headers) in
        [("GET", of_a_browser()), ("POST", of_a_browser()), ("GET", of_a_program())]
    {
        let request = Request { method, path: &made.path, headers, ..Request::default() };
        let answer = send(&function, request).await;
        assert_eq!(answer.status, 500, "{answer:?}");
        has_the_page_s_headers(&answer);
    }
}

#[tokio::test]
async fn before_the_passcode_is_right_the_page_names_no_bucket() {
    let aws = aws().await;
    // Without another endpoint the host of S3 has the bucket in it.
    let function = function_with(&aws, &[("GRANTS", GRANTS)]);
    let made = share(&function, &json!({"passcode": "correct horse"})).await;
    let cloud = function_with(
        &aws,
        &[("AWS_ENDPOINT_URL", ""), ("AWS_ENDPOINT_URL_DYNAMODB", aws.endpoint().as_str())],
    );
    let policy =
        |answer: &Answer| answer.headers["content-security-policy"].as_str().unwrap().to_owned();
    let page = open(&cloud, "GET", &made.path).await;
    let expected = "form-action 'self' https://*.s3.eu-west-1.amazonaws.com;";
    assert!(policy(&page).contains(expected), "{}", policy(&page));
    assert!(!policy(&page).contains("files") && !page.body.contains("files"));
    let wrong = {
        let headers = json!({"accept": HTML, "content-type": "application/x-www-form-urlencoded"});
        let body = "passcode=wrong".to_owned();
        let path = &made.path;
        send(&cloud, Request { method: "POST", path, headers, body, ..Request::default() }).await
    };
    assert!(policy(&wrong).contains(expected), "{}", policy(&wrong));
    // Where the host is the same for all buckets it is named as it is.
    let page = open(&function, "GET", &made.path).await;
    assert!(policy(&page).contains(&format!("form-action 'self' {};", aws.endpoint())));
    give_objects(&aws);
    assert_eq!(press_with(&function, &made.path, "correct horse").await.status, 303);
    let plain = share_without_a_passcode(&function, &aws).await;
    let page = open(&cloud, "GET", &plain).await;
    let named = "form-action 'self' https://files.s3.eu-west-1.amazonaws.com;";
    assert!(policy(&page).contains(named), "{}", policy(&page));
}

#[tokio::test]
async fn a_download_leads_to_the_public_endpoint_and_the_page_lets_it() {
    let passcode = json!({"passcode": "correct horse"});
    for (endpoint, addressing, named, before) in [
        ("https://s3.test", "virtual", "https://files.s3.test", "https://*.s3.test"),
        // The host begins like the bucket, and is the host of all buckets.
        ("https://files.s3.test", "path", "https://files.s3.test", "https://files.s3.test"),
    ] {
        let aws = aws().await;
        give_objects(&aws);
        let settings = [("S3_PUBLIC_ENDPOINT", endpoint), ("S3_ADDRESSING", addressing)];
        let function = function_with(&aws, &settings);
        for (wanted, origin) in [(json!({}), named), (passcode.clone(), before)] {
            let made = share(&function, &wanted).await;
            let page = open(&function, "GET", &made.path).await;
            let policy = page.headers["content-security-policy"].as_str().unwrap();
            assert!(policy.contains(&format!("form-action 'self' {origin};")), "{policy}");
            let pressed = press_with(&function, &made.path, "correct horse").await;
            assert_eq!(pressed.status, 303);
            let location = pressed.headers["location"].as_str().unwrap();
            assert!(location.starts_with(&format!("{named}/")), "{location}");
        }
    }
}

async fn share_without_a_passcode(
    function: &s3_link_signer::Handler,
    aws: &fake_aws::FakeAws,
) -> String {
    aws.state().items("shares").clear();
    let made = share(function, &json!({})).await;
    assert_eq!(made.answer["has_passcode"], Value::Bool(false));
    made.path
}
