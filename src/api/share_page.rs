//! The page behind a share's address, for people. Plain HTML: it works without script, and it loads
//! nothing.
//!
//! Nothing is decided here. The page says what `shares` found, and its one button sends the form.

use askama::Template;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use http::header::{
    ALLOW, CONTENT_SECURITY_POLICY, HeaderName, REFERRER_POLICY, RETRY_AFTER,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use jiff::Timestamp;
use link_rules::problem::ProblemKind;
use link_rules::text;
use ring::digest::{SHA256, digest};

use super::{Problem, Response};
use crate::links::LinkError;
use crate::shares::Lock;

/// The page's style. It stands in the page itself, so that nothing is loaded.
const STYLE: &str = include_str!("../../templates/share.css");

/// How many characters of a file's name the page shows, and of the owner's.
const MAX_NAME: usize = 160;

/// What a recipient may have.
#[derive(Clone, Copy, Debug)]
pub(super) struct Offer<'a> {
    /// Who shares the file. `None`: nobody is named.
    pub(super) from: Option<&'a str>,
    /// What the owner says about it.
    pub(super) message: Option<&'a str>,
    /// Whether there is a message that only the passcode shows.
    pub(super) hides_message: bool,
    /// The file's name and its size in bytes. `None`: the passcode comes first.
    pub(super) file: Option<(&'a str, Option<u64>)>,
    /// Until when it can be downloaded.
    pub(super) expires_at: Timestamp,
    /// How many downloads are left, and how many there were to begin with. `None`: without a limit.
    pub(super) downloads: Option<(u64, u64)>,
    /// Whether a passcode is wanted.
    pub(super) wants_passcode: bool,
    /// Where the form goes, if not to the page's own address.
    pub(super) action: Option<&'a str>,
    /// The origin that the download comes from, such as
    /// `https://my-bucket.s3.eu-west-1.amazonaws.com`.
    pub(super) download_origin: &'a str,
}

/// What went wrong with the last press of the button.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// A passcode is wanted and none was given.
    PasscodeWanted,
    /// The passcode is another one. This many tries are left.
    WrongPasscode { tries_left: u64 },
    /// The passcode was wrong too often. Nobody may try.
    Locked(Lock),
    /// Others are trying passcodes. The button may be pressed again after this many seconds.
    Busy { after: u64 },
    /// The file waits for a scan. The button may be pressed again after this many seconds.
    BeingScanned { after: u64 },
    /// The browser does not say that a person pressed the button, and perhaps did not say it before.
    PressAgain { is_again: bool },
    /// The file can't be given now. It may be after this many seconds.
    TryAgain { after: u64 },
}

/// Why there is nothing to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Over {
    /// The share's time is over.
    Ended,
    /// It was downloaded as often as its owner allowed.
    UsedUp,
    /// The owner took it back, may not share the file any more, or the file is gone.
    Withdrawn,
    /// No share has this address.
    NeverWas,
}

#[derive(Template)]
#[template(path = "share.html")]
struct Page<'a> {
    style: &'static str,
    heading: &'a str,
    offer: Option<OfferText<'a>>,
    problem: Option<String>,
}

/// What the page says of an offer.
struct OfferText<'a> {
    /// Empty: nobody is named.
    from: String,
    /// Empty without a message.
    message: String,
    /// Where the form goes. Empty: to the page's own address.
    action: &'a str,
    /// Empty before the passcode is right.
    size: String,
    /// Whether the button is there.
    is_open: bool,
    wants_passcode: bool,
    /// Whether the problem is about the passcode. Its field then has the focus, so that a screen reader
    /// reads the problem out.
    passcode_is_refused: bool,
    /// Where the page came again because nobody said that a person pressed: whether the form has a field
    /// for a word that only a person types.
    again: Option<bool>,
    /// What happens after the press, and how a message is read that the passcode hides.
    after_press: String,
    works_until: String,
    expires_at: String,
    time_left: String,
    /// Empty without a limit.
    downloads: String,
}

/// The page of a share that works, after `refusal` if the button was pressed in vain.
///
/// # Errors
///
/// [`LinkError::Internal`] when memory runs out.
pub(super) fn offer(
    offer: &Offer<'_>,
    refusal: Option<Refusal>,
    now: Timestamp,
) -> Result<Response, Problem> {
    let seconds_left = offer.expires_at.duration_since(now).as_secs().max(0).unsigned_abs();
    let name = offer.file.map(|(name, _)| text::shortened(&text::file_name(name), MAX_NAME));
    let from = |name| text::shortened(&text::visible(name), MAX_NAME);
    let text = OfferText {
        from: offer.from.map(from).unwrap_or_default(),
        message: offer.message.map(text::visible).unwrap_or_default(),
        action: offer.action.unwrap_or_default(),
        size: offer.file.and_then(|(_, size)| size).map(text::size).unwrap_or_default(),
        is_open: !matches!(refusal, Some(Refusal::Locked(_))),
        wants_passcode: offer.wants_passcode,
        passcode_is_refused: matches!(
            refusal,
            Some(Refusal::PasscodeWanted | Refusal::WrongPasscode { .. })
        ),
        again: match refusal {
            Some(Refusal::PressAgain { is_again }) => Some(is_again),
            _ => None,
        },
        after_press: after_press(offer),
        works_until: text::instant(offer.expires_at),
        expires_at: offer.expires_at.to_string(),
        time_left: text::length(seconds_left),
        downloads: offer.downloads.map(|(left, of)| downloads(left, of)).unwrap_or_default(),
    };
    let heading = name.as_deref().unwrap_or("A file with a passcode");
    let page = Page {
        style: STYLE,
        heading,
        offer: Some(text),
        problem: refusal.map(|refusal| refusal.sentence(now)),
    };
    let status = refusal.map_or(200, Refusal::status);
    let mut response = respond(status, &page, offer.download_origin)?;
    if let Some(seconds) = refusal.and_then(|refusal| refusal.retry_after(now)) {
        response.headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    Ok(response)
}

/// The page where there is nothing to have.
///
/// # Errors
///
/// As for [`offer`].
pub(super) fn over(over: Over) -> Result<Response, Problem> {
    let (heading, sentence) = match over {
        Over::Ended => {
            ("This link has ended", "Its time is over. Ask whoever sent it to you for a new one.")
        }
        Over::UsedUp => (
            "This link is used up",
            "The file was downloaded as often as its owner allowed. Ask whoever sent it to you for a new one.",
        ),
        Over::Withdrawn => (
            "This link was withdrawn",
            "The file is not shared any more. Ask whoever sent the link to you.",
        ),
        Over::NeverWas => (
            "There is nothing here",
            "No file has this address. Check that the whole address was copied.",
        ),
    };
    respond(over.kind().status(), &plain(heading, sentence), "")
}

/// The page where nothing is known, because a service did not answer. It may after `after` seconds.
///
/// # Errors
///
/// As for [`offer`].
pub(super) fn unavailable(after: u64) -> Result<Response, Problem> {
    let page =
        plain("This link can't be opened now", "No download was counted. Try again in a minute.");
    let mut response = respond(ProblemKind::ShareUnavailable.status(), &page, "")?;
    response.headers.insert(RETRY_AFTER, HeaderValue::from(after));
    Ok(response)
}

/// The page where a request to an address failed for another reason than its share. `response` is what
/// a program gets, and keeps its status and its headers.
pub(super) fn failed(kind: ProblemKind, response: Response) -> Response {
    let sentence = match kind.status() {
        405 => "Open the address in a browser, and press the button there.",
        400..500 => "Open the whole address again, and press the button there.",
        _ => "The program that answers here has a fault. Ask whoever sent the link to you.",
    };
    let page = respond(kind.status(), &plain("This link can't be opened so", sentence), "");
    let Ok(mut page) = page else { return response };
    for name in [ALLOW, RETRY_AFTER] {
        if let Some(value) = response.headers.get(&name) {
            page.headers.insert(name, value.clone());
        }
    }
    page
}

impl Over {
    /// The row of the table of problems.
    fn kind(self) -> ProblemKind {
        match self {
            Self::Ended => ProblemKind::ShareEnded,
            Self::UsedUp => ProblemKind::ShareUsedUp,
            Self::Withdrawn => ProblemKind::ShareWithdrawn,
            Self::NeverWas => ProblemKind::NoSuchShare,
        }
    }
}

impl Refusal {
    /// The HTTP status.
    fn status(self) -> u16 {
        let kind = match self {
            Self::PressAgain { .. } => return 200,
            Self::PasscodeWanted => ProblemKind::PasscodeWanted,
            Self::WrongPasscode { .. } => ProblemKind::PasscodeWrong,
            Self::Locked(_) => ProblemKind::ShareLocked,
            Self::Busy { .. } => ProblemKind::ShareBusy,
            Self::BeingScanned { .. } => ProblemKind::ShareBeingScanned,
            Self::TryAgain { .. } => ProblemKind::ShareUnavailable,
        };
        kind.status()
    }

    fn retry_after(self, now: Timestamp) -> Option<u64> {
        match self {
            Self::PasscodeWanted
            | Self::WrongPasscode { .. }
            | Self::PressAgain { .. }
            | Self::Locked(Lock::UntilUnlocked) => None,
            Self::Locked(Lock::Until(until)) => Some(seconds_until(until, now)),
            Self::Busy { after } | Self::BeingScanned { after } | Self::TryAgain { after } => {
                Some(after)
            }
        }
    }

    fn sentence(self, now: Timestamp) -> String {
        match self {
            Self::PasscodeWanted => "Type the passcode.".to_owned(),
            Self::WrongPasscode { tries_left: 1 } => {
                "That is not the passcode. One try is left.".to_owned()
            }
            Self::WrongPasscode { tries_left } => {
                format!("That is not the passcode. {tries_left} tries are left.")
            }
            Self::Locked(Lock::UntilUnlocked) => {
                "The passcode was wrong too often. Ask the owner to unlock the file.".to_owned()
            }
            Self::Busy { .. } => {
                "Others are typing the passcode at this moment. Press the button again in some seconds."
                    .to_owned()
            }
            Self::BeingScanned { .. } => {
                "The file is still being scanned. No download was counted. Try again in some minutes."
                    .to_owned()
            }
            Self::Locked(Lock::Until(until)) => format!(
                "The passcode was wrong too often. Try again in {}, or ask the owner to unlock the \
                 file.",
                text::length(seconds_until(until, now))
            ),
            Self::PressAgain { is_again: false } => {
                "Nothing was downloaded or counted yet. Press the button.".to_owned()
            }
            Self::PressAgain { is_again: true } => {
                "Your browser does not say that you pressed the button, so nothing was downloaded or \
                 counted. Type yes below, and press the button."
                    .to_owned()
            }
            Self::TryAgain { .. } => {
                "The file can't be given at this moment. Try again in a minute, in this browser: no \
                 download is counted twice."
                    .to_owned()
            }
        }
    }
}

/// The seconds until an instant, at least one.
fn seconds_until(instant: Timestamp, now: Timestamp) -> u64 {
    instant.duration_since(now).as_secs().max(1).unsigned_abs()
}

fn downloads(left: u64, of: u64) -> String {
    match (left, of) {
        // Only a browser that has just downloaded the file is shown this.
        (0, _) => {
            "No downloads are left, but this browser may repeat its own for ten minutes.".to_owned()
        }
        (1, 1) => "It can be downloaded once.".to_owned(),
        (1, _) => format!("1 of {of} downloads is left."),
        _ => format!("{left} of {of} downloads are left."),
    }
}

fn after_press(offer: &Offer<'_>) -> String {
    let mut text = offer.downloads.map(|(left, of)| left_after(left, of)).unwrap_or_default();
    if offer.hides_message {
        text.push_str(
            " A message comes with the file. To read it, load this page again after the download.",
        );
    }
    text
}

/// What is left when the button was pressed, where that is counted.
fn left_after(left: u64, of: u64) -> String {
    match left.checked_sub(1) {
        None => String::new(),
        Some(0) => {
            " No downloads are left then, but this browser may repeat its own for ten minutes."
                .to_owned()
        }
        Some(1) => format!(" 1 of {of} downloads is left then."),
        Some(left) => format!(" {left} of {of} downloads are left then."),
    }
}

fn plain<'a>(heading: &'a str, sentence: &str) -> Page<'a> {
    Page { style: STYLE, heading, offer: None, problem: Some(sentence.to_owned()) }
}

/// Keeps a response about a share from every index, frame and other site. No cache keeps any response.
pub(super) fn protect(response: &mut Response) {
    for (name, value) in [
        (REFERRER_POLICY, "no-referrer"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (HeaderName::from_static("x-robots-tag"), "noindex, nofollow"),
    ] {
        response.headers.insert(name, HeaderValue::from_static(value));
    }
}

/// The page as a response that loads nothing but its own style.
fn respond(status: u16, page: &Page<'_>, download_origin: &str) -> Result<Response, Problem> {
    let html = page.render().map_err(|error| internal(&error.to_string()))?;
    let mut response = Response::html(status, html);
    let style = STANDARD.encode(digest(&SHA256, STYLE.as_bytes()));
    // Chrome also judges the redirect that answers the form, so the bucket's origin is named.
    // Source: w3c/webappsec-csp, issue 8.
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{style}'; form-action 'self' {download_origin}; \
         base-uri 'none'; frame-ancestors 'none'"
    );
    let policy = HeaderValue::try_from(policy.replace(" ;", ";"))
        .map_err(|_| internal("the bucket's origin can't be the value of a header"))?;
    response.headers.insert(CONTENT_SECURITY_POLICY, policy);
    Ok(response)
}

fn internal(what: &str) -> Problem {
    LinkError::Internal(what.to_owned()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(instant: &str) -> Timestamp {
        instant.parse().unwrap()
    }

    fn an_offer() -> Offer<'static> {
        Offer {
            from: Some("Alice"),
            message: None,
            hides_message: false,
            file: Some(("private-files/Résumé <2026>.pdf", Some(1_250_000))),
            expires_at: at("2026-12-01T14:05:00Z"),
            downloads: Some((3, 5)),
            wants_passcode: false,
            action: None,
            download_origin: "https://files.s3.eu-west-1.amazonaws.com",
        }
    }

    fn page(shared: &Offer<'_>, refusal: Option<Refusal>) -> Response {
        offer(shared, refusal, at("2026-11-25T12:00:00Z")).unwrap()
    }

    #[test]
    fn a_page_says_whose_file_it_is_how_long_it_works_and_what_is_left() {
        let page = page(&an_offer(), None);
        assert_eq!(page.status, 200);
        for text in [
            "<title>Résumé &#60;2026&#62;.pdf</title>",
            "<bdi>Alice</bdi> shares a file with you",
            "<h1><bdi>Résumé &#60;2026&#62;.pdf</bdi></h1>",
            "1.2 MB",
            "until <time datetime=\"2026-12-01T14:05:00Z\">Tuesday 1 December 2026, 14:05 UTC</time> \
             (6 days 2 hours from now). 3 of 5 downloads are left.",
            "<form method=\"post\">\n<button>Download</button>",
            "The download begins when you press the button, and this page stays as it is. 2 of 5 \
             downloads are left then.",
        ] {
            assert!(page.body.contains(text), "{text}\n{}", page.body);
        }
        for text in ["passcode", "alert", "<script", "http://", "https://", "src="] {
            assert!(!page.body.contains(text), "{text}");
        }
    }

    #[test]
    fn what_is_left_is_said_in_words() {
        for (left, of, expected) in [
            (1, 1, "It can be downloaded once."),
            (1, 5, "1 of 5 downloads is left."),
            (5, 5, "5 of 5 downloads are left."),
            (0, 5, "No downloads are left, but this browser may repeat its own for ten minutes."),
        ] {
            assert_eq!(downloads(left, of), expected);
        }
    }

    #[test]
    fn before_the_passcode_is_right_neither_name_nor_size_is_there() {
        let shared = Offer { file: None, wants_passcode: true, ..an_offer() };
        let body = page(&shared, None).body;
        assert!(body.contains("<h1><bdi>A file with a passcode</bdi></h1>"));
        assert!(body.contains("<label for=\"passcode\">Passcode</label>"));
        assert!(body.contains("Whoever has this link and the passcode can download"));
        assert!(body.contains("No passcode? Ask <bdi>Alice</bdi> for it."));
        for text in ["pdf", "MB", "aria-invalid="] {
            assert!(!body.contains(text), "{text}");
        }
    }

    #[test]
    fn where_nobody_is_named_the_page_names_nobody() {
        let nobody = Offer { from: None, ..an_offer() };
        let body = page(&nobody, None).body;
        assert!(body.contains("<p class=\"quiet\">A file is shared with you</p>"), "{body}");
        let closed = Offer { file: None, wants_passcode: true, ..nobody };
        let body = page(&closed, None).body;
        assert!(body.contains("No passcode? Ask whoever sent you this link for it."), "{body}");
    }

    #[test]
    fn a_message_is_on_the_page_or_the_page_says_how_to_read_it() {
        let message = Some("As we said: <b>page 3</b>.");
        let body = page(&Offer { message, ..an_offer() }, None).body;
        assert!(
            body.contains("<blockquote><bdi>As we said: &#60;b&#62;page 3&#60;/b&#62;.</bdi>"),
            "{body}"
        );
        let hidden = Offer { file: None, wants_passcode: true, hides_message: true, ..an_offer() };
        let body = page(&hidden, None).body;
        assert!(!body.contains("<blockquote>") && body.contains("A message comes with the file."));
    }

    #[test]
    fn a_wrong_passcode_is_said_at_the_field_and_a_locked_share_has_no_button() {
        let shared = Offer { file: None, wants_passcode: true, ..an_offer() };
        let wrong = page(&shared, Some(Refusal::WrongPasscode { tries_left: 9 }));
        assert_eq!(wrong.status, 403);
        assert!(wrong.body.contains(
            "<p class=\"problem\" id=\"problem\" role=\"alert\">That is not the passcode. 9 tries are \
             left.</p>"
        ));
        assert!(
            wrong.body.contains("aria-describedby=\"problem\" aria-invalid=\"true\" autofocus>")
        );
        let later = page(&shared, Some(Refusal::TryAgain { after: 1 }));
        assert!(later.body.contains("<input") && !later.body.contains("aria-invalid="));

        let until = at("2026-11-25T12:59:00Z");
        let locked = page(&shared, Some(Refusal::Locked(Lock::Until(until))));
        assert_eq!((locked.status, &locked.headers[RETRY_AFTER]), (429, &"3540".parse().unwrap()));
        assert!(locked.body.contains("Try again in 59 minutes, or ask the owner"));
        assert!(!locked.body.contains("<button") && !locked.body.contains("<input"));
    }

    #[test]
    fn what_can_not_be_given_now_may_be_tried_again() {
        let refused = page(&an_offer(), Some(Refusal::TryAgain { after: 30 }));
        assert_eq!((refused.status, &refused.headers[RETRY_AFTER]), (503, &"30".parse().unwrap()));
        assert!(
            refused.body.contains("no download is counted twice")
                && refused.body.contains("<button>")
        );
        let unavailable = unavailable(5).unwrap();
        assert_eq!(unavailable.status, 503);
        assert_eq!(unavailable.headers[RETRY_AFTER], "5");
    }

    #[test]
    fn after_the_last_download_none_is_left() {
        for (left, of, expected) in [
            (0, 5, ""),
            (
                1,
                5,
                " No downloads are left then, but this browser may repeat its own for ten minutes.",
            ),
            (2, 5, " 1 of 5 downloads is left then."),
            (5, 5, " 4 of 5 downloads are left then."),
        ] {
            assert_eq!(left_after(left, of), expected);
        }
    }

    #[test]
    fn what_is_over_says_what_it_is() {
        for (state, status, heading) in [
            (Over::Ended, 410, "This link has ended"),
            (Over::UsedUp, 410, "This link is used up"),
            (Over::Withdrawn, 410, "This link was withdrawn"),
            (Over::NeverWas, 404, "There is nothing here"),
        ] {
            let page = over(state).unwrap();
            assert_eq!(page.status, status);
            assert!(page.body.contains(&format!("<h1>{heading}</h1>")));
            assert!(!page.body.contains("<form"));
        }
    }

    #[test]
    fn a_page_allows_nothing_but_its_style_its_form_and_the_download() {
        let headers = page(&an_offer(), None).headers;
        let style = STANDARD.encode(digest(&SHA256, STYLE.as_bytes()));
        assert_eq!(
            headers[CONTENT_SECURITY_POLICY],
            format!(
                "default-src 'none'; style-src 'sha256-{style}'; form-action 'self' \
                 https://files.s3.eu-west-1.amazonaws.com; base-uri 'none'; frame-ancestors 'none'"
            )
        );
        assert_eq!(headers["cache-control"], "no-store");
        assert_eq!(headers["content-type"], "text/html; charset=utf-8");
        let ended = over(Over::Ended).unwrap().headers;
        let policy = ended[CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.contains("form-action 'self';"), "{policy}");
    }

    #[test]
    fn no_name_breaks_out_of_the_page() {
        let shared = Offer {
            from: Some("\u{202e}<script>\"'&"),
            message: Some("</blockquote><script>\u{202e}\"'&"),
            file: Some(("a/</title><script>alert(1)</script>\u{202e}gpj.exe", Some(1))),
            ..an_offer()
        };
        let body = page(&shared, None).body;
        assert!(!body.contains("<script") && !body.contains('\u{202e}'), "{body}");
    }
}
