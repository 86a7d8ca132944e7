//! Whose press it is, as browsers say it: a person's, a script's, or another site's form.

use serde_json::{Value, json};

use super::function::{Answer, Request, aws, downloads, function, press_from, send, share};

const HTML: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
const CHROMIUM: &str = "\"Chromium\";v=\"130\", \"Not?A_Brand\";v=\"99\"";

/// A press with these headers, named as after `Sec-`, and this form.
async fn press(
    function: &s3_link_signer::Handler,
    path: &str,
    sec: &Value,
    form: &str,
    cookie: Option<&str>,
) -> Answer {
    let mut headers = json!({"accept": HTML, "content-type": "application/x-www-form-urlencoded"});
    for (name, value) in sec.as_object().unwrap() {
        headers[format!("sec-{name}")] = value.clone();
    }
    let body = form.to_owned();
    send(function, Request { method: "POST", path, headers, body, cookie, ..Request::default() })
        .await
}

#[tokio::test]
async fn a_person_s_press_downloads_whatever_the_browser_says() {
    let aws = aws().await;
    let function = function(&aws);
    let made = share(&function, &json!({})).await;
    let people = [
        (
            "Chromium",
            json!({"fetch-mode": "navigate", "fetch-site": "same-origin",
                            "fetch-user": "?1", "ch-ua": CHROMIUM}),
        ),
        ("Chromium without TLS", json!({})),
        (
            "Firefox",
            json!({"fetch-mode": "navigate", "fetch-site": "same-origin",
                           "fetch-user": "?1"}),
        ),
        ("Safari", json!({"fetch-mode": "navigate", "fetch-site": "same-origin"})),
        ("Pale Moon", json!({"fetch-mode": "navigate", "fetch-site": "none"})),
        (
            "a form of the same site",
            json!({"fetch-mode": "navigate", "fetch-site": "same-site",
                                           "fetch-user": "?1", "ch-ua": CHROMIUM}),
        ),
        (
            "a form of the same site in Safari",
            json!({"fetch-mode": "navigate",
                                                     "fetch-site": "same-site"}),
        ),
        ("curl and old browsers", json!({})),
        (
            "a script that fetches",
            json!({"fetch-mode": "cors", "fetch-site": "cross-site",
                                         "ch-ua": CHROMIUM}),
        ),
        ("a proxy that keeps the mode alone", json!({"fetch-mode": "navigate"})),
    ];
    for (index, (who, headers)) in people.iter().enumerate() {
        let answer = press(&function, &made.path, headers, "", None).await;
        assert_eq!(answer.status, 303, "{who}: {answer:?}");
        let count = u64::try_from(index + 1).unwrap();
        assert_eq!(downloads(&function, &made.id).await, count, "{who}");
    }
}

fn others() -> [(&'static str, Value); 4] {
    [
        (
            "a script in Chromium",
            json!({"fetch-mode": "navigate", "fetch-site": "same-origin",
                                        "ch-ua": CHROMIUM}),
        ),
        (
            "a scanner's own form in Chromium",
            json!({"fetch-mode": "navigate",
                                                    "fetch-site": "none", "ch-ua": CHROMIUM}),
        ),
        (
            "another site's form that a person pressed",
            json!({
            "fetch-mode": "navigate", "fetch-site": "cross-site", "fetch-user": "?1",
            "ch-ua": CHROMIUM}),
        ),
        (
            "another site's form in Safari",
            json!({"fetch-mode": "navigate",
                                                 "fetch-site": "cross-site"}),
        ),
    ]
}

#[tokio::test]
async fn a_script_and_another_site_s_form_get_the_page_again_and_use_nothing_up() {
    let aws = aws().await;
    let function = function(&aws);
    let made = share(&function, &json!({"max_downloads": 1})).await;
    let before = super::function::item(&aws);
    for (who, headers) in others() {
        let page = press(&function, &made.path, &headers, "", None).await;
        assert_eq!(page.status, 200, "{who}: {page:?}");
        assert!(page.body.contains("Press the button."), "{who}: {}", page.body);
        assert!(page.body.contains("<button"), "{who}");
        assert!(page.headers.get("location").is_none());
        assert_eq!(super::function::item(&aws), before, "{who}");
        // The button of the page that came again is the person's.
        let person = json!({"fetch-mode": "navigate", "fetch-site": "same-origin",
                            "fetch-user": "?1", "ch-ua": CHROMIUM});
        let pressed = press(&function, &made.path, &person, "again=yes", None).await;
        assert_eq!(pressed.status, 303, "{who}: {pressed:?}");
        for item in aws.state().items("shares").values_mut() {
            item.clone_from(&before);
        }
    }
}

#[tokio::test]
async fn nobody_is_locked_out_whose_proxy_takes_a_header_away() {
    let aws = aws().await;
    let function = function(&aws);
    let made = share(&function, &json!({"max_downloads": 1})).await;
    for (who, headers) in others() {
        let twice = press(&function, &made.path, &headers, "again=yes", None).await;
        assert_eq!(twice.status, 200, "{who}");
        assert!(twice.body.contains("Type yes below, and press the button."), "{}", twice.body);
        assert!(twice.body.contains("name=\"confirmed\""), "{}", twice.body);
        for word in ["", "no"] {
            let form = format!("again=yes&confirmed={word}");
            let vain = press(&function, &made.path, &headers, &form, None).await;
            assert_eq!((vain.status, downloads(&function, &made.id).await), (200, 0), "{who}");
        }
        let form = "again=yes&confirmed=Yes+";
        let given = press(&function, &made.path, &headers, form, None).await;
        assert_eq!(given.status, 303, "{who}: {given:?}");
        for item in aws.state().items("shares").values_mut() {
            item.insert("downloads".to_owned(), json!({"N": "0"}));
        }
    }
}

#[tokio::test]
async fn a_script_s_passcode_is_not_looked_at_and_its_share_s_lock_is_said() {
    let aws = aws().await;
    let function = function(&aws);
    let made = share(&function, &json!({"passcode": "correct horse"})).await;
    let [(_, script), ..] = others();
    for passcode in ["wrong", "correct+horse"] {
        let form = format!("passcode={passcode}");
        let page = press(&function, &made.path, &script, &form, None).await;
        assert_eq!(page.status, 200);
        assert!(page.body.contains("type=\"password\""), "{}", page.body);
    }
    assert_eq!(super::function::item(&aws).get("attempts"), None);
    for _ in 0..10 {
        press_from(&function, &made.path, "wrong", None).await;
    }
    let page = press(&function, &made.path, &script, "", None).await;
    assert!(page.body.contains("wrong too often") && !page.body.contains("<button"));
}
