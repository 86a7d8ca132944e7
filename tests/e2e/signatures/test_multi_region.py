"""Links to multi-region access points, which the SDK signs: verified as S3 would, and beside botocore's.

Their signatures are made on an elliptic curve, by code that the other links do not go through.
"""

import json
from urllib.parse import quote, urlencode

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.crt.auth import CrtS3SigV4AsymQueryAuth
from local_lambda import offline, requests, running
from signatures import sigv4a, botocore_urls
from signatures.tricky_keys import KEYS

ACCESS_POINT = "arn:aws:s3::123456789012:accesspoint:mfzwi23gnjvgw.mrap"
# Source: Amazon S3 user guide, "Making requests using a Multi-Region Access Point".
ORIGIN = "https://mfzwi23gnjvgw.mrap.accesspoint.s3-global.amazonaws.com"


@pytest.fixture(scope="module")
def variables():
    # No region is stated and none is asked for: there is nobody to ask.
    grants = [{"bucket": ACCESS_POINT, "prefix": "", "principals": ["*"]}]
    return offline.environment(GRANTS=json.dumps(grants))


@pytest.fixture(scope="module")
def credentials(variables):
    return botocore_urls.credentials_of(variables)


@pytest.fixture(scope="module")
def links(built, variables):
    """A link to every tricky key, and one with every wish."""
    with running.LocalLambda("multi-region", **variables) as function:
        wishes = {"filename": "é.txt", "content_type": "image/png", "version_id": "a~b", "expires_in": 60}
        return function.batch([{"key": key} for key in KEYS] + [{"key": "a", **wishes}])


def by_crt(link, credentials):
    """A URL to the same object, signed by AWS's C library as botocore calls it."""
    path = quote(link["key"], safe="/~")
    query = urlencode({"x-id": "GetObject", "x-link-id": link["link_id"]}, quote_via=quote, safe="~")
    request = AWSRequest("GET", f"{ORIGIN}/{path}?{query}")
    CrtS3SigV4AsymQueryAuth(credentials, "s3", "*", link["expires_in"]).add_auth(request)
    return request.url


def without(url, *names):
    """A URL without some of its parameters, in order."""
    before, query = botocore_urls.comparable(url)
    return before, [part for part in query if part.split("=")[0] not in names]


def test_aws_s_own_signatures_are_verified_and_no_others(links, credentials):
    # Of the verification itself: else it might take anything, or only what we make.
    url = by_crt(links[0], credentials)
    assert sigv4a.verifies(url, credentials)
    assert not sigv4a.verifies(url.replace("x-id=GetObject", "x-id=PutObject"), credentials)
    other = botocore_urls.credentials_of({"AWS_ACCESS_KEY_ID": credentials.access_key, "AWS_SECRET_ACCESS_KEY": "other"})
    assert not sigv4a.verifies(url, other)


def test_every_link_is_signed_by_these_credentials_for_just_this_object(links, credentials):
    assert len(links) > 250
    for link in links:
        assert sigv4a.verifies(link["url"], credentials), link["key"]
        assert not sigv4a.verifies(link["url"].replace("X-Amz-Expires=", "X-Amz-Expires=1"), credentials)


def test_but_for_time_and_signature_a_link_is_aws_s_own(links, credentials):
    for link in links[:-1]:
        ours, theirs = (
            without(url, "X-Amz-Date", "X-Amz-Signature") for url in (link["url"], by_crt(link, credentials))
        )
        assert ours == theirs, link["key"]


def test_the_window_is_kept_in_it_as_in_any_other(links):
    assert botocore_urls.parameter(links[-1]["url"], "X-Amz-Expires") == "60"
    assert links[-1]["expires_in"] == 60
    assert links[-1]["limited_by"] == "request"
