"""The page in examples/browser/, in Chromium, against the deployed stack: from an allowed origin and from another one.

Everything is the local AWS's: it signs users in (Cognito), checks their tokens' signature, issuer, audience and age before
the function is invoked, and keeps to the CORS of the API and of the bucket. The browser sends the preflights, and keeps
answers from a page that may not read them.
"""

import json

import pytest
from browser.serving import serving
from local_aws import api_client, cognito, deploying, paths

PAGE = paths.ROOT / "examples" / "browser"
NAME = "Résumé 2026 — 日本語.pdf"
CONTENT = bytes(range(256)) * 1000
NO_ANSWER = "No answer that this page may read"


@pytest.fixture(scope="module")
def origin():
    """The origin whose pages may ask."""
    with serving(PAGE) as url:
        yield url


@pytest.fixture(scope="module")
def other_origin():
    """The same page, from an origin that is not among the allowed ones."""
    with serving(PAGE) as url:
        yield url


@pytest.fixture(scope="module")
def users(aws):
    """A user pool, and a user's token."""
    return cognito.Users(aws)


@pytest.fixture(scope="module")
def stack(built, aws, users, origin):
    return deploying.deploy(
        aws,
        stack="for-a-page",
        JwtIssuer=users.issuer,
        JwtAudience=users.audience,
        Principals="*",
        AllowedOrigins=origin,
    )


@pytest.fixture(scope="module")
def key(aws, stack):
    key = f"private-files/{NAME}"
    aws.client("s3").put_object(Bucket=stack.bucket, Key=key, Body=CONTENT)
    return key


def submit(tab, page, api, token, key):
    """Fill in the form as a person does, and send it."""
    tab.load(f"{page}/index.html")
    fields = {"api": api, "token": token, "key": key}
    tab.evaluate(
        f"for (const [id, value] of Object.entries({json.dumps(fields)})) document.getElementById(id).value = value;"
        "document.querySelector('button').click()"
    )


def status(tab):
    """What the page says when it has an answer."""
    return tab.evaluate(
        """new Promise((resolve) => {
          const look = () => {
            const text = document.getElementById("status").textContent;
            if (text && !text.startsWith("Asking")) resolve(text); else setTimeout(look, 20);
          };
          look();
        })"""
    )


def test_a_page_of_an_allowed_origin_downloads_the_file_under_its_own_name(tab, origin, stack, users, key):
    submit(tab, origin, stack.api_url, users.access_token, key)
    assert tab.downloaded() == (NAME, CONTENT)
    assert status(tab).startswith(f"Downloading {key}. The link works until ")
    assert tab.evaluate("location.href") == f"{origin}/index.html"


def test_a_page_of_another_origin_gets_no_file(tab, other_origin, stack, users, key):
    submit(tab, other_origin, stack.api_url, users.access_token, key)
    assert status(tab).startswith(NO_ANSWER)
    assert not tab.has_downloads()


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("private-files/missing.pdf", "S3 answered 40"),
        ("elsewhere/secret.pdf", "No grant gives this principal this object"),
    ],
)
def test_the_page_says_why_there_is_no_link(tab, origin, stack, users, key, text):
    submit(tab, origin, stack.api_url, users.access_token, key)
    assert status(tab).startswith(text)
    assert not tab.has_downloads()


def test_a_token_that_somebody_changed_gets_no_link(tab, origin, stack, users, key):
    header, claims, signature = users.access_token.split(".")
    forged = f"{header}.{claims}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}"
    response = api_client.send("GET", f"{stack.api_url}/session", headers={"Authorization": f"Bearer {forged}"})
    assert response.status == 401
    submit(tab, origin, stack.api_url, forged, key)
    # API Gateway's documentation does not say whether its own refusals have CORS headers. The local one's have none.
    assert status(tab).startswith((NO_ANSWER, "Unauthorized"))
    assert not tab.has_downloads()


def link(stack, users, key):
    headers = {"Authorization": f"Bearer {users.access_token}", "Content-Type": "application/json"}
    response = api_client.send("POST", f"{stack.api_url}/links", json.dumps({"key": key}).encode(), headers)
    assert response.status == 200, response.body
    return response.json()["url"]


def read(tab, url, **options):
    """Fetch a URL in the page. Returns the status, the headers that the page may read, and the text, or an error's name."""
    return tab.evaluate(
        f"""fetch({json.dumps(url)}, {json.dumps(options)}).then(
          async (response) => [response.status, Object.fromEntries(response.headers), await response.text()],
          (error) => error.name)"""
    )


def test_a_script_of_an_allowed_origin_reads_a_part_of_the_file(tab, aws, origin, stack, users):
    aws.client("s3").put_object(Bucket=stack.bucket, Key="private-files/digits", Body=b"0123456789")
    tab.load(f"{origin}/index.html")
    code, headers, text = read(tab, link(stack, users, "private-files/digits"), headers={"Range": "bytes=2-4"})
    assert (code, text) == (206, "234")
    assert headers["content-range"] == "bytes 2-4/10"
    assert headers["content-disposition"] == "attachment"
    assert headers["etag"]


def test_a_script_of_another_origin_reads_nothing_even_with_a_link(tab, other_origin, stack, users, key):
    tab.load(f"{other_origin}/index.html")
    url = link(stack, users, key)
    assert read(tab, url) == "TypeError"
    assert read(tab, url, headers={"Range": "bytes=0-0"}) == "TypeError"


def test_a_script_can_not_follow_the_redirect_of_download(tab, aws, origin, stack, users):
    """Having been redirected from one other origin to a second one, the browser sends `Origin: null` (WHATWG Fetch). So
    it reads the file only where the bucket allows every origin."""
    s3 = aws.client("s3")
    s3.put_object(Bucket=stack.bucket, Key="private-files/redirected", Body=b"redirected")
    tab.load(f"{origin}/index.html")
    url = f"{stack.api_url}/download?key=private-files%2Fredirected"
    token = {"Authorization": f"Bearer {users.access_token}"}
    assert read(tab, url, headers=token) == "TypeError"
    before = s3.get_bucket_cors(Bucket=stack.bucket)["CORSRules"]
    [rule] = before
    s3.put_bucket_cors(Bucket=stack.bucket, CORSConfiguration={"CORSRules": [{**rule, "AllowedOrigins": ["*"]}]})
    try:
        assert read(tab, url, headers=token)[2] == "redirected"
    finally:
        s3.put_bucket_cors(Bucket=stack.bucket, CORSConfiguration={"CORSRules": before})


def preflight(stack, page, method="POST", headers="authorization,content-type"):
    asked = {"Origin": page, "Access-Control-Request-Method": method, "Access-Control-Request-Headers": headers}
    return api_client.send("OPTIONS", f"{stack.api_url}/links", headers=asked)


def test_the_preflight_allows_the_headers_of_tokens_and_of_signatures(stack, origin, other_origin):
    allowed = preflight(stack, origin)
    assert allowed.status == 204
    assert allowed.headers["access-control-allow-origin"] == origin
    assert "access-control-allow-credentials" not in allowed.headers
    assert set(allowed.headers["access-control-allow-methods"].split(",")) == {"GET", "POST"}
    assert set(allowed.headers["access-control-allow-headers"].split(",")) == {
        *("authorization", "content-type"),
        *("x-amz-content-sha256", "x-amz-date", "x-amz-security-token"),
    }
    assert int(allowed.headers["access-control-max-age"]) == 3600
    refused = preflight(stack, other_origin)
    assert refused.status == 403
    assert "access-control-allow-origin" not in refused.headers


@pytest.mark.parametrize("width", [320, 1280])
def test_the_page_fits_and_every_field_has_a_label(tab, origin, width):
    tab.set_width(width)
    tab.load(f"{origin}/index.html")
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    labelled = "[...document.querySelectorAll('input')].every((field) => field.labels.length === 1)"
    assert tab.evaluate(labelled) is True
    assert tab.evaluate("document.querySelector('output').getAttribute('role')") == "status"
