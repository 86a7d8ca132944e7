"""No link serves script from the bucket's origin, whoever wrote the file: shown in Chromium.

Each kind of attack is also tried without the function, with the headers that it refuses to sign. There the script runs.
Otherwise the tests could not fail.
"""

from urllib.parse import urlencode

import pytest
from browser.stored_files import BUCKET, StoredFiles
from local_lambda import requests

PAGE = "uploads/page.html"
WORKER = "uploads/worker.js"
TRUSTED = "trusted/page.html"

# Browsers read the last of several values. The function signs none of these, whatever the disposition.
SEVERAL_VALUES = [
    "text/plain;,text/html",
    "text/plain,text/html",
    "text/csv;x=y,image/svg+xml",
    "application/pdf;a,text/html",
    "audio/x;,text/html",
    "image/png; charset=a,text/html",
]

# Chromium runs scripts in files of these types. The function signs them only with `attachment`.
ACTIVE_IN_CHROMIUM = [
    "text/html",
    "TEXT/HTML; charset=utf-8",
    "image/svg+xml",
    "application/xhtml+xml",
    "text/xml",
]

# These are XML too (WHATWG MIME Sniffing, "XML MIME type"). Chromium saves them; another browser may run their scripts.
ACTIVE = [*ACTIVE_IN_CHROMIUM, "audio/x+xml", "video/x+xml", "font/x+xml; charset=utf-8"]

INERT = [
    "application/gzip",
    "application/json",
    "application/octet-stream",
    "application/pdf",
    "application/zip",
    "audio/mpeg",
    "audio/x",
    "font/woff2",
    "image/avif",
    "image/bmp",
    "image/gif",
    "image/jpeg",
    "image/png",
    "image/tiff",
    "image/webp",
    "text/csv",
    "text/plain",
    "text/plain; charset=utf-8",
    "text/plain; charset=utf-7",
    "video/mp4",
]

# WHATWG MIME Sniffing, "JavaScript MIME type".
JAVASCRIPT = [
    "application/ecmascript",
    "application/javascript",
    "application/x-ecmascript",
    "application/x-javascript",
    "text/ecmascript",
    "text/javascript",
    "text/javascript1.0",
    "text/javascript1.1",
    "text/javascript1.2",
    "text/javascript1.3",
    "text/javascript1.4",
    "text/javascript1.5",
    "text/jscript",
    "text/livescript",
    "text/x-ecmascript",
    "text/x-javascript",
]

# Without a content type the object's own counts.
ATTACHMENTS = [
    {},
    {"disposition": "attachment"},
    {"filename": "page.html"},
    *({"content_type": content_type} for content_type in ACTIVE),
]

# Ways in which a page of another origin can embed a link.
EMBEDDED = {
    "iframe": '<iframe src="{url}"></iframe>',
    "object": '<object data="{url}"></object>',
    "object of a type": '<object type="text/html" data="{url}"></object>',
    "embed": '<embed src="{url}">',
    "embed of a type": '<embed type="image/svg+xml" src="{url}">',
    "img": '<img src="{url}">',
}


def without_the_function(s3, key, content_type=None, disposition=None):
    """A URL with the headers that the function may refuse to sign."""
    headers = {"response-content-type": content_type, "response-content-disposition": disposition}
    query = urlencode({name: value for name, value in headers.items() if value is not None})
    return f"{s3.url}/{BUCKET}/{key}?{query}"


def refusal(function, **fields):
    """Why there is no link. Both ways of asking for one must refuse alike."""
    response = function.request(requests.post("/links", fields))
    assert (response.status, response.json()["code"]) == (400, "invalid-request"), response
    redirect = function.request(requests.get("/download", fields))
    assert (redirect.status, redirect.json()) == (400, response.json())
    return response.json()["detail"]


@pytest.mark.parametrize("content_type", [None, *ACTIVE_IN_CHROMIUM, *SEVERAL_VALUES])
@pytest.mark.parametrize("disposition", [None, "inline"])
def test_without_the_function_the_browser_runs_the_script(s3, tab, content_type, disposition):
    assert tab.open(without_the_function(s3, PAGE, content_type, disposition)) == "shown"
    assert s3.has_proof("page")


@pytest.mark.parametrize("disposition", ["inline", "attachment", None])
@pytest.mark.parametrize("content_type", SEVERAL_VALUES)
def test_a_content_type_with_several_values_is_refused(function, content_type, disposition):
    fields = {"disposition": disposition} if disposition else {}
    for key in (PAGE, TRUSTED):
        assert "content_type: use a media type" in refusal(function, key=key, content_type=content_type, **fields)


@pytest.mark.parametrize("content_type", ACTIVE)
def test_an_active_content_type_is_refused_inline_under_any_grant(function, content_type):
    for key in (PAGE, TRUSTED):
        detail = refusal(function, key=key, content_type=content_type, disposition="inline")
        assert "could run script" in detail and "attachment" in detail


def test_inline_without_a_content_type_is_refused_with_the_remedy(function):
    for fields in ({}, {"filename": "a.png"}):
        detail = refusal(function, key=PAGE, disposition="inline", **fields)
        assert "needs a content_type" in detail and "trusted_content" in detail
    [problem] = function.batch([{"key": PAGE, "disposition": "inline"}])
    assert problem["code"] == "invalid-request"


@pytest.mark.parametrize("options", ATTACHMENTS, ids=str)
@pytest.mark.parametrize("key", [PAGE, "uploads/page.svg", WORKER, TRUSTED])
def test_a_link_is_saved_and_runs_no_script(function, s3, tab, key, options):
    redirect = function.request(requests.get("/download", {"key": key, **options}))
    for url in (function.link(key=key, **options)["url"], redirect.headers["location"]):
        assert tab.open(url) == "saved"
        assert tab.evaluate("location.href") == "about:blank"
    assert not s3.has_proof("page")


@pytest.mark.parametrize("content_type", INERT)
@pytest.mark.parametrize("key", [PAGE, "uploads/page.svg", TRUSTED])
def test_an_inline_link_of_an_inert_type_runs_no_script(function, s3, tab, key, content_type):
    tab.open(function.link(key=key, content_type=content_type, disposition="inline")["url"])
    assert not s3.has_proof("page")
    assert tab.evaluate("document.title") != "script ran"


@pytest.mark.parametrize("element", EMBEDDED)
def test_a_link_that_another_page_embeds_runs_no_script(function, s3, tab, element):
    hosts = {}
    with StoredFiles(hosts) as elsewhere:

        def load(url):
            body = f"<title>elsewhere</title>{EMBEDDED[element].format(url=url.replace('&', '&amp;'))}"
            hosts["host.html"] = ("text/html", body.encode())
            tab.load(f"{elsewhere.url}/{BUCKET}/host.html")

        for key in (PAGE, "uploads/page.svg"):
            for options in ATTACHMENTS:
                load(function.link(key=key, **options)["url"])
        assert not s3.has_proof("page", seconds=1)
        # Images never run scripts.
        if element != "img":
            load(without_the_function(s3, PAGE, "text/html"))
            assert s3.has_proof("page", seconds=10)


def register(tab, url):
    """Register a service worker. Returns "registered" or the error's name."""
    script = f"navigator.serviceWorker.register({url!r})"
    return tab.evaluate(f"{script}.then(() => 'registered', (error) => error.name)")


def test_without_the_function_an_attachment_becomes_a_service_worker_that_reads_links(function, s3, tab):
    tab.open(without_the_function(s3, PAGE))
    assert register(tab, without_the_function(s3, WORKER, "text/javascript", "attachment")) == "registered"
    assert tab.evaluate("navigator.serviceWorker.ready.then(() => true)")
    link = function.link(key=PAGE, content_type="text/plain", disposition="inline")["url"]
    assert tab.open(link) == "shown"
    assert tab.evaluate("document.body.innerText") == f"replaced by the worker: {link}"


@pytest.mark.parametrize("content_type", JAVASCRIPT)
def test_a_javascript_type_is_refused_even_as_an_attachment(function, content_type):
    for key in (WORKER, TRUSTED):
        for fields in ({}, {"disposition": "attachment"}, {"disposition": "inline"}, {"filename": "a.js"}):
            assert "JavaScript" in refusal(function, key=key, content_type=content_type, **fields)


def test_no_content_type_that_the_function_signs_makes_a_service_worker(function, s3, tab):
    tab.open(without_the_function(s3, PAGE))
    options = [{"content_type": content_type} for content_type in [*ACTIVE, *INERT, "application/wasm"]]
    options += [{"content_type": content_type, "disposition": "inline"} for content_type in INERT]
    for link in function.batch([{"key": WORKER, **fields} for fields in options]):
        assert register(tab, link["url"]) == "SecurityError", link["url"]


def test_a_grant_that_trusts_the_content_lets_a_link_show_it(function, s3, tab):
    """The operator has said that whoever writes these files may run script in the bucket's origin."""
    assert tab.open(function.link(key=TRUSTED, disposition="inline")["url"]) == "shown"
    assert s3.has_proof("page")
