"""Links to multi-region access points: their signatures are verified, and their URLs compared with botocore's.

These links have SigV4A signatures. The SDK signs them, while the function's own code signs all other links.
"""

import json
from urllib.parse import quote, urlencode

import pytest
from botocore.awsrequest import AWSRequest
from botocore.crt.auth import CrtS3SigV4AsymQueryAuth
from local_lambda import offline, running
from signatures import botocore_urls, sigv4a
from signatures.tricky_keys import KEYS

ACCESS_POINT = "arn:aws:s3::123456789012:accesspoint:mfzwi23gnjvgw.mrap"
# Source: Amazon S3 user guide, "Making requests using a Multi-Region Access Point".
ORIGIN = "https://mfzwi23gnjvgw.mrap.accesspoint.s3-global.amazonaws.com"


@pytest.fixture(scope="module")
def variables():
    # The grant states no region. These buckets have none, so the function must not ask S3 for one.
    grants = [{"bucket": ACCESS_POINT, "prefix": "", "principals": ["*"], "versions": True}]
    return offline.environment(GRANTS=json.dumps(grants))


@pytest.fixture(scope="module")
def credentials(variables):
    return botocore_urls.credentials_of(variables)


@pytest.fixture(scope="module")
def links(built, variables):
    """A link to every tricky key, and one link with all options."""
    with running.LocalLambda("multi-region", **variables) as function:
        options = {"filename": "é.txt", "content_type": "image/png", "version_id": "a~b", "expires_in": 60}
        return function.batch([{"key": key} for key in KEYS] + [{"key": "a", **options}])


def crt_url(link, credentials):
    """A URL for the same object. botocore signs it with AWS's C library."""
    path = quote(link["key"], safe="/~")
    parameters = {"response-content-disposition": "attachment", "x-id": "GetObject", "x-link-id": link["link_id"]}
    query = urlencode(parameters, quote_via=quote, safe="~")
    request = AWSRequest("GET", f"{ORIGIN}/{path}?{query}")
    CrtS3SigV4AsymQueryAuth(credentials, "s3", "*", link["expires_in"]).add_auth(request)
    return request.url


def without(url, *names):
    """A URL without some of its parameters, in a form that can be compared."""
    before, query = botocore_urls.comparable(url)
    return before, [part for part in query if part.split("=")[0] not in names]


def test_the_verification_accepts_signatures_of_aws_and_no_others(links, credentials):
    # Otherwise it might accept everything, or only the function's own signatures.
    url = crt_url(links[0], credentials)
    assert sigv4a.verifies(url, credentials)
    assert not sigv4a.verifies(url.replace("x-id=GetObject", "x-id=PutObject"), credentials)
    other = botocore_urls.credentials_of({"AWS_ACCESS_KEY_ID": credentials.access_key, "AWS_SECRET_ACCESS_KEY": "other"})
    assert not sigv4a.verifies(url, other)


def test_every_link_is_signed_with_these_credentials_for_this_url(links, credentials):
    assert len(links) > 250
    for link in links:
        assert sigv4a.verifies(link["url"], credentials), link["key"]
        assert not sigv4a.verifies(link["url"].replace("X-Amz-Expires=", "X-Amz-Expires=1"), credentials)


def test_except_for_time_and_signature_every_link_is_the_one_of_botocore(links, credentials):
    for link in links[:-1]:
        own, botocore_own = (
            without(url, "X-Amz-Date", "X-Amz-Signature") for url in (link["url"], crt_url(link, credentials))
        )
        assert own == botocore_own, link["key"]


def test_the_requested_lifetime_is_signed(links):
    assert botocore_urls.parameter(links[-1]["url"], "X-Amz-Expires") == "60"
    assert links[-1]["expires_in"] == 60
    assert links[-1]["limited_by"] == "request"
