"""What the page of a share keeps from others, in Chromium: scanners count nothing, S3 learns no address, nobody frames it.

Where a header of the page does it, a test also takes the header away, and sees that Chromium does it then. Otherwise the
test could not fail.
"""

from urllib.parse import urlsplit

import pytest
from local_aws import api_client

CONTENT = bytes(range(256)) * 100

HEADERS = {
    "cache-control": "no-store",
    "content-type": "text/html; charset=utf-8",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "x-robots-tag": "noindex, nofollow",
}

# What scanners, unfurlers and prefetchers do, once they have opened the page: all but pressing a button.
SCANNER = """
(async () => {
  await fetch(location.href, { method: "HEAD" });
  await fetch(location.href);
  await fetch(location.href, { credentials: "omit", headers: { Purpose: "prefetch" } });
  await fetch(location.href, { headers: { Accept: "application/json" } });
  for (const rel of ["prefetch", "prerender"]) {
    const link = Object.assign(document.createElement("link"), { rel, href: location.href + "?" + rel });
    document.head.append(link);
  }
  const frame = Object.assign(document.createElement("iframe"), { src: location.href });
  document.body.append(frame);
  for (const element of document.querySelectorAll("*")) {
    for (const kind of ["mouseover", "mousemove", "focus", "pointerenter"]) element.dispatchEvent(new Event(kind));
  }
  window.scrollTo(0, document.body.scrollHeight);
  return document.querySelectorAll("a").length;
})()
"""


def test_a_scanner_that_runs_script_and_presses_nothing_changes_nothing(tab, sharing, domain):
    share = sharing.make(CONTENT, max_downloads=1)
    before = share.item()
    with domain.changed(content_security_policy=None, x_frame_options=None):
        tab.watch_network()
        tab.open(share.url)
        # No link leads on, so there is nothing to follow.
        assert tab.evaluate(SCANNER) == 0
        tab.press_key("Tab")
        tab.load(share.url)
        sent, _ = tab.requests()
    assert [request["method"] for request in sent].count("HEAD") == 1
    assert len(sent) >= 6 and all(request["method"] != "POST" for request in sent)
    assert share.item() == before
    assert not tab.has_downloads()
    # The only download is still there for the person.
    tab.open(share.url)
    tab.click("button")
    assert tab.downloaded() == ("report.pdf", CONTENT)


def test_the_page_loads_nothing_and_only_the_press_goes_elsewhere(tab, sharing, domain, aws):
    share = sharing.make(CONTENT)
    tab.watch_network()
    tab.open(share.url)
    sent, _ = tab.requests()
    # Browsers ask for an icon on their own.
    assert [request["url"] for request in sent if not request["url"].endswith("/favicon.ico")] == [share.url]
    assert tab.evaluate("document.querySelectorAll('script, link, img, iframe, object, a').length") == 0
    tab.click("button")
    tab.downloaded()
    sent, _ = tab.requests()
    assert {origin(request["url"]) for request in sent} == {domain.url, aws.url}


def origin(url):
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


@pytest.mark.parametrize("is_protected", [True, False])
def test_s3_does_not_learn_the_address(tab, sharing, domain, aws, is_protected):
    """Without the header S3 would learn the page's origin, and other pages of the same origin the whole address."""
    share = sharing.make(CONTENT)
    assert domain.url != aws.url
    with domain.changed(**{} if is_protected else {"referrer_policy": "unsafe-url"}):
        tab.watch_network()
        tab.open(share.url)
        tab.click("button")
        assert tab.downloaded()[1] == CONTENT
    _, headers = tab.requests()
    to_s3 = [sent for sent in headers if lower(sent).get("host") == urlsplit(aws.url).netloc]
    assert len(to_s3) == 1, headers
    assert lower(to_s3[0]).get("referer") == (None if is_protected else share.url)


def lower(headers):
    return {name.lower(): value for name, value in headers.items()}


def test_chromium_follows_the_redirect_only_to_an_origin_that_the_policy_names(tab, sharing, domain, aws):
    share = sharing.make(CONTENT)
    policy = api_client.send("GET", share.url).headers["content-security-policy"]
    assert f"form-action 'self' {aws.url};" in policy
    with domain.changed(content_security_policy=policy.replace(f" {aws.url}", "")):
        tab.open(share.url)
        tab.evaluate(
            "window.violation = new Promise((resolve) =>"
            "document.addEventListener('securitypolicyviolation', (event) => resolve(event.effectiveDirective)));0"
        )
        tab.click("button")
        assert tab.evaluate("window.violation") == "form-action"
        assert not tab.has_downloads()
    with domain.changed():
        tab.open(share.url)
        tab.click("button")
        assert tab.downloaded()[1] == CONTENT


@pytest.mark.parametrize(("named", "is_followed"), [("*.localhost", True), ("*.elsewhere.localhost", False)])
def test_chromium_follows_the_redirect_to_a_host_of_any_bucket(tab, sharing, domain, named, is_followed):
    """Before the passcode is right the policy has `*` in place of the bucket, and Chromium judges by that page's."""
    share = sharing.make(CONTENT, passcode="correct horse")
    port = urlsplit(domain.url).port
    policy = api_client.send("GET", share.url).headers["content-security-policy"]
    before, _, rest = policy.partition("form-action ")
    changed = f"{before}form-action 'self' http://{named}:{port};{rest.partition(';')[2]}"
    with domain.changed(content_security_policy=changed, location=f"http://my-bucket.localhost:{port}/"):
        tab.open(share.url)
        tab.evaluate(
            "window.violation = new Promise((resolve) =>"
            "document.addEventListener('securitypolicyviolation', (event) => resolve(event.effectiveDirective)));0"
        )
        tab.click("#passcode")
        tab.type("correct horse")
        tab.click("button")
        if is_followed:
            tab.wait_until_shown()
            assert tab.evaluate("document.title") == "Another page of the same origin"
        else:
            assert tab.evaluate("window.violation") == "form-action"


@pytest.mark.parametrize("without", [{}, {"x_frame_options": None}, {"content_security_policy": None}, None])
def test_nobody_frames_the_page(tab, sharing, domain, without):
    """Both headers forbid it, each on its own. Without both the frame shows the page."""
    share = sharing.make(CONTENT)
    removed = {"x_frame_options": None, "content_security_policy": None} if without is None else without
    with domain.changed(**removed):
        # That page is of the same origin, so nothing but these headers stands between.
        tab.open(f"{domain.url}/")
        shown = tab.evaluate(
            f"""new Promise((resolve) => {{
              const frame = document.createElement("iframe");
              // The browser's own page, where the frame is forbidden, is of another origin.
              frame.onload = () => resolve(frame.contentDocument ? frame.contentDocument.body.innerText : "forbidden");
              frame.src = "{share.url}";
              document.body.append(frame);
            }})"""
        )
    assert shown == "forbidden" if without is not None else "report.pdf" in shown, shown


@pytest.mark.parametrize("accept", ["text/html", "application/json"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
@pytest.mark.parametrize("state", ["open", "passcode", "revoked", "never was"])
def test_every_answer_has_the_headers(sharing, domain, accept, method, state):
    share = sharing.make(CONTENT, **({"passcode": "correct horse"} if state == "passcode" else {}))
    if state == "revoked":
        share.revoke()
    url = share.url[:-4] + "AAAA" if state == "never was" else share.url
    response = api_client.send(method, url, headers={"Accept": accept})
    is_link = (method, state) == ("POST", "open")
    assert response.status == {"open": 303 if is_link else 200, "passcode": 403 if method == "POST" else 200}.get(
        state, 404 if state == "never was" else 410
    )
    assert response.headers["cache-control"] == "no-store"
    if not is_link and accept == "text/html":
        assert {name: response.headers.get(name) for name in HEADERS} == HEADERS
        policy = response.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; style-src 'sha256-") and "script-src" not in policy
        assert "frame-ancestors 'none'" in policy and "base-uri 'none'" in policy


def test_the_cookie_is_for_this_share_alone_and_no_script_reads_it(tab, sharing):
    share = sharing.make(CONTENT)
    tab.open(share.url)
    [cookie] = tab.cookies(share.url)
    assert cookie["path"] == urlsplit(share.url).path
    assert (cookie["secure"], cookie["httpOnly"], cookie["sameSite"]) == (True, True, "Lax")
    assert tab.evaluate("document.cookie") == ""
    assert tab.cookies(sharing.make(CONTENT).url) == []


def test_a_form_that_a_script_sends_gets_the_page_again_and_counts_nothing(tab, sharing, domain):
    share = sharing.make(CONTENT, max_downloads=1)
    before = share.item()
    with domain.changed(content_security_policy=None):
        tab.open(share.url)
        for told in ("Press the button.", "Type yes below, and press the button."):
            tab.evaluate("document.querySelector('form').submit()")
            tab.wait_until_shown()
            assert told in tab.evaluate("document.body.innerText")
    assert share.item() == before
    assert not tab.has_downloads()
    tab.click("#confirmed")
    tab.type("yes")
    tab.click("button")
    assert tab.downloaded()[1] == CONTENT
    assert share.downloads() == 1


def test_a_form_of_another_site_gets_the_page_again_and_counts_nothing(tab, sharing, domain):
    share = sharing.make(CONTENT, max_downloads=1)
    # A name is another site than an address.
    tab.open(f"http://elsewhere.localhost:{urlsplit(domain.url).port}/")
    tab.evaluate(
        f"document.body.innerHTML = '<form method=post action=\"{share.url}\"><button>Prize</button></form>'"
    )
    tab.click("button")
    tab.wait_until_shown()
    assert "Nothing was downloaded or counted yet. Press the button." in tab.evaluate("document.body.innerText")
    assert share.downloads() == 0
    tab.click("button")
    assert tab.downloaded()[1] == CONTENT
    assert share.downloads() == 1
