"""The browser; a stand-in for S3, and a function whose links lead to it; deployed stacks with shares, and with uploads."""

import contextlib
import json

import pytest
from browser import axe, installing, npm
from browser.chromium import Chromium
from browser.serving import serving
from browser.sharing import Domain, Sharing
from browser.stored_files import BUCKET, StoredFiles
from browser.uploading import LARGE, SMALL, Uploading
from examples.language import Uppy
from local_aws import api_client, cognito, deploying
from local_lambda import offline, running

# Well-formed as XHTML too, so that a browser runs the script whether it reads the file as HTML or as any kind of XML.
# The request is synchronous, so the proof is there before the page counts as loaded.
PAGE = b"""<html xmlns="http://www.w3.org/1999/xhtml"><head><title>stored</title><script>
document.title = "script ran";
const request = new XMLHttpRequest();
request.open("GET", "/proof/page", false);
request.send();
</script></head><body></body></html>"""

# A service worker that reads every request below its folder and replaces the response.
WORKER = b"""
self.addEventListener("fetch", (event) => {
  event.respondWith(new Response("replaced by the worker: " + event.request.url));
});
"""

FILES = {
    "uploads/page.html": ("text/html", PAGE),
    "uploads/page.svg": ("image/svg+xml", PAGE),
    "uploads/worker.js": ("text/javascript", WORKER),
    "trusted/page.html": ("text/html", PAGE),
}

GRANTS = [
    {"bucket": BUCKET, "prefix": "uploads/", "principals": ["*"], "region": "us-east-1"},
    {"bucket": BUCKET, "prefix": "trusted/", "principals": ["*"], "region": "us-east-1", "trusted_content": True},
]


@pytest.fixture(scope="session")
def chromium(isolated):
    """Chromium. Without one these tests fail in CI, and are skipped elsewhere."""
    with contextlib.ExitStack() as stack:
        with npm.available_or_skipped():
            installing.install()
            browser = stack.enter_context(Chromium())
        yield browser


@pytest.fixture
def tab(chromium):
    with chromium.tab() as tab:
        yield tab


@pytest.fixture(scope="session")
def stored_files():
    with StoredFiles(FILES) as s3:
        yield s3


@pytest.fixture
def s3(stored_files):
    """The stand-in for S3, in which no script has run yet."""
    stored_files.forget_proofs()
    return stored_files


@pytest.fixture(scope="session")
def function(built, stored_files):
    variables = offline.environment(AWS_ENDPOINT_URL_S3=stored_files.url, GRANTS=json.dumps(GRANTS))
    with running.LocalLambda("browser", **variables) as function:
        yield function


@pytest.fixture(scope="session")
def domain():
    """The public address of the shares."""
    with Domain() as domain:
        yield domain


@pytest.fixture(scope="session")
def sharing(built, aws, domain):
    """A deployed stack with shares. All tests of their page use this one."""
    stack = deploying.deploy(aws, stack="for-shares", ShareLinks="yes", OldShareAddresses="no", ShareFromName="Example & Sons")
    domain.lead_to(aws, stack)
    return Sharing(aws, stack, api_client.create_caller(aws, stack, "alice"))


@pytest.fixture(scope="session")
def uploading(chromium, built, aws):
    """A deployed stack that signs uploads, and the origin of the pages that upload to it."""
    pages = Uppy()
    with npm.available_or_skipped():
        pages.install()
    users = cognito.Users(aws)
    with serving(pages.installed) as origin:
        yield Uploading(aws, users, origin)


@pytest.fixture
def small(tmp_path):
    """A file that is uploaded in one request."""
    file = tmp_path / "Résumé 2026.pdf"
    file.write_bytes(SMALL)
    return file


@pytest.fixture
def large(tmp_path):
    """A file that is uploaded in parts."""
    file = tmp_path / "film.mp4"
    file.write_bytes(LARGE)
    return file


@pytest.fixture(scope="session")
def axe_core(chromium):
    """axe-core. As with Chromium, without it the tests fail in CI."""
    with npm.available_or_skipped():
        axe.install()
    return axe
