"""Compares every URL that the function signs with the one that botocore signs for the same request.

They must be equal in every character, except for the order of the query parameters. botocore is AWS's own and
shares no code with the function. test_against_a_server tests that a server opens the links; the tests in
session_expiry/ test what the links promise.
"""

import json
from datetime import datetime, timedelta, timezone

import pytest
from local_lambda import offline, running
from signatures import botocore_urls
from signatures.tricky_keys import KEYS

# The region of each bucket in the grants, and the URL before the slash in front of the key. Sources: AWS General
# Reference, "Amazon S3 endpoints"; Amazon S3 user guide, "Virtual hosting of buckets" and "Using access points".
BUCKETS = {
    "files": ("eu-central-1", "https://files.s3.eu-central-1.amazonaws.com"),
    "files-us": ("us-east-1", "https://files-us.s3.us-east-1.amazonaws.com"),
    "files-cn": ("cn-north-1", "https://files-cn.s3.cn-north-1.amazonaws.com.cn"),
    "files-gov": ("us-gov-west-1", "https://files-gov.s3.us-gov-west-1.amazonaws.com"),
    # A certificate for *.s3.… does not cover names with dots, so these names are in the path.
    "files.example.com": ("eu-central-1", "https://s3.eu-central-1.amazonaws.com/files.example.com"),
    "files-abcdefghijklmnopqrstuvwxyz1234-s3alias": (
        "eu-west-1",
        "https://files-abcdefghijklmnopqrstuvwxyz1234-s3alias.s3.eu-west-1.amazonaws.com",
    ),
    "arn:aws:s3:eu-west-1:123456789012:accesspoint/files": (
        "eu-west-1",
        "https://files-123456789012.s3-accesspoint.eu-west-1.amazonaws.com",
    ),
}

# A version id as S3 creates them.
VERSION = "3sL4kqtJlcpXroDTDmJ+rmSpXd3dIbrHY+MTRCxf3vjVBH40Nr8X8gdRQBpUMLUo"

# Optional fields of a request, and the query parameters that the URL must have for them.
ATTACHMENT = {"response-content-disposition": "attachment"}
OPTIONS = [
    ({}, ATTACHMENT),
    ({"expires_in": 1}, ATTACHMENT),
    ({"expires_in": 604800}, ATTACHMENT),
    ({"version_id": VERSION}, {**ATTACHMENT, "versionId": VERSION}),
    ({"version_id": "null"}, {**ATTACHMENT, "versionId": "null"}),
    ({"version_id": " ?&=#/é"}, {**ATTACHMENT, "versionId": " ?&=#/é"}),
    ({"disposition": "attachment"}, ATTACHMENT),
    ({"method": "HEAD"}, ATTACHMENT),
    (
        {"method": "HEAD", "version_id": VERSION, "content_type": "image/png"},
        {**ATTACHMENT, "response-content-type": "image/png", "versionId": VERSION},
    ),
    (
        {"disposition": "inline", "content_type": "application/pdf"},
        {"response-content-disposition": "inline", "response-content-type": "application/pdf"},
    ),
    ({"content_type": "text/plain; charset=utf-8"}, {**ATTACHMENT, "response-content-type": "text/plain; charset=utf-8"}),
    ({"filename": "a b.txt"}, {"response-content-disposition": 'attachment; filename="a b.txt"'}),
    (
        {"filename": "é&=#+%.txt", "disposition": "inline", "content_type": "image/png", "version_id": "a~b"},
        {
            "response-content-disposition": "inline; filename=\"_&=#+_.txt\"; filename*=UTF-8''%C3%A9&%3D#+%25.txt",
            "response-content-type": "image/png",
            "versionId": "a~b",
        },
    ),
]


def environment(**changes):
    grants = [
        {"bucket": bucket, "prefix": "", "principals": ["*"], "region": region, "versions": True}
        for bucket, (region, _) in BUCKETS.items()
    ]
    # The assumed session lasts twelve hours, so a link of a week is limited to what is left of them.
    return offline.environment(GRANTS=json.dumps(grants), **changes)


@pytest.fixture(scope="module")
def variables():
    return environment()


@pytest.fixture(scope="module")
def function(built, variables):
    with running.LocalLambda("signatures", **variables) as function:
        yield function


def compare_with_botocore(function, variables, wanted, buckets=None):
    """Ask for links, compare each with botocore's, and return their number.

    `wanted` is a list of tuples: bucket, key, options and parameters.
    """
    buckets = buckets or BUCKETS
    credentials = botocore_urls.credentials_of(variables)
    compared = 0
    for start in range(0, len(wanted), 500):
        part = wanted[start : start + 500]
        links = function.batch([{"bucket": bucket, "key": key, **options} for bucket, key, options, _ in part])
        for (bucket, key, _, parameters), link in zip(part, links, strict=True):
            assert link.get("key") == key, link
            region, origin = buckets[bucket]
            expected = botocore_urls.url(link, credentials, origin, region, **parameters)
            assert botocore_urls.comparable(link["url"]) == botocore_urls.comparable(expected), key
            compared += 1
    return compared


def test_every_tricky_key_is_signed_as_botocore_signs_it(function, variables):
    assert len(KEYS) > 250
    assert compare_with_botocore(function, variables, [("files", key, *OPTIONS[0]) for key in KEYS]) == len(KEYS)


def test_every_tricky_key_is_signed_as_botocore_signs_it_with_the_bucket_in_the_path(function, variables):
    compare_with_botocore(function, variables, [("files.example.com", key, *OPTIONS[0]) for key in KEYS])


def test_every_option_is_signed_as_botocore_signs_it(function, variables):
    keys = ["private-files/report.pdf", "private-files/Résumé 2026 + 100%.pdf"]
    compare_with_botocore(function, variables, [("files", key, *options) for key in keys for options in OPTIONS])


def test_every_tricky_key_with_all_options_is_signed_as_botocore_signs_it(function, variables):
    compare_with_botocore(function, variables, [("files", key, *OPTIONS[-1]) for key in KEYS])


@pytest.mark.parametrize("bucket", BUCKETS)
def test_every_kind_of_bucket_is_signed_for_its_host_and_region(function, variables, bucket):
    compare_with_botocore(function, variables, [(bucket, key, *options) for key in KEYS[::25] for options in OPTIONS[:3]])


@pytest.mark.parametrize(
    "setting, origin",
    [
        ({"AWS_USE_FIPS_ENDPOINT": "true"}, "https://files-us.s3-fips.us-east-1.amazonaws.com"),
        ({"AWS_USE_DUALSTACK_ENDPOINT": "true"}, "https://files-us.s3.dualstack.us-east-1.amazonaws.com"),
        ({"AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9000"}, "http://127.0.0.1:9000/files-us"),
        ({"AWS_ENDPOINT_URL_S3": "https://storage.example.com"}, "https://files-us.storage.example.com"),
        ({"AWS_ENDPOINT_URL_S3": "https://storage.example.com/"}, "https://files-us.storage.example.com"),
        ({"AWS_ENDPOINT_URL_S3": "https://storage.example.com/base"}, "https://files-us.storage.example.com/base"),
        ({"AWS_ENDPOINT_URL_S3": "https://storage.example.com:8443"}, "https://files-us.storage.example.com:8443"),
        # Clients omit the default port of the scheme in the Host header, so the signature must be without it.
        ({"AWS_ENDPOINT_URL_S3": "https://storage.example.com:443"}, "https://files-us.storage.example.com:443"),
        ({"AWS_ENDPOINT_URL_S3": "http://storage.example.com:80"}, "http://files-us.storage.example.com:80"),
        # Browsers send a host in small letters, and botocore signs it so.
        ({"AWS_ENDPOINT_URL_S3": "HTTP://Storage.Example.com:9000"}, "http://files-us.storage.example.com:9000"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(f"{k}={v}" for k, v in value.items()),
)
def test_other_endpoints_are_signed_for_the_host_header_that_a_client_sends(built, setting, origin):
    # There is no S3 at these endpoints.
    variables = environment(**setting, BUCKET_POLICY="ignore")
    with running.LocalLambda("signatures-endpoint", **variables) as function:
        wanted = [("files-us", key, *options) for key in KEYS[::40] for options in OPTIONS[:2]]
        compare_with_botocore(function, variables, wanted, {"files-us": ("us-east-1", origin)})


@pytest.mark.parametrize(
    "secret, token",
    [
        ("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "FwoGZXIvYXdzE+/=="),
        ("short-secret", "t" * 4000),
        ("é/+= 日", "with space & ampersand = % é"),
        ("a" * 200, None),
    ],
    ids=["usual", "long token", "odd characters", "no token"],
)
def test_unusual_credentials_are_signed_with_as_botocore_does(built, secret, token):
    session = (
        {"AWS_SESSION_TOKEN": token}
        if token
        else {"AWS_SESSION_TOKEN": None, "ASSUMED_SESSION_SECONDS": None, "ALLOW_LONG_TERM_KEYS": "true"}
    )
    variables = environment(AWS_SECRET_ACCESS_KEY=secret, **session)
    with running.LocalLambda("signatures-credentials", **variables) as function:
        compare_with_botocore(function, variables, [("files", key, *options) for key in KEYS[::40] for options in OPTIONS[:2]])


def test_the_signed_date_is_now_and_the_signed_lifetime_is_the_promised_one(function):
    for options in ({}, {"expires_in": 1}, {"expires_in": 604800}):
        before = datetime.now(timezone.utc).replace(microsecond=0)
        link = function.link(bucket="files", key="a", **options)
        after = datetime.now(timezone.utc)
        signed_at = datetime.strptime(botocore_urls.parameter(link["url"], "X-Amz-Date"), "%Y%m%dT%H%M%SZ").replace(
            tzinfo=timezone.utc
        )
        assert before <= signed_at <= after
        assert botocore_urls.parameter(link["url"], "X-Amz-Expires") == str(link["expires_in"])
        assert datetime.fromisoformat(link["expires_at"]) == signed_at + timedelta(seconds=link["expires_in"])


def test_the_only_signed_header_is_host_and_the_link_id_is_in_the_url(function):
    link = function.link(bucket="files", key="a")
    assert botocore_urls.parameter(link["url"], "X-Amz-SignedHeaders") == "host"
    assert botocore_urls.parameter(link["url"], "x-link-id") == link["link_id"]


def test_the_parameters_are_in_canonical_order_and_the_signature_is_last(function):
    """SigV4 sorts the encoded parameters. The URL has the order in which they were signed."""
    for options, _ in OPTIONS:
        link = function.link(bucket="files", key="a", **options)
        *signed, signature = link["url"].split("?", 1)[1].split("&")
        assert signed == sorted(signed)
        assert signature.startswith("X-Amz-Signature=")


def test_the_comparison_notices_a_difference_of_one_character(function, variables):
    """Otherwise the tests above could not fail."""
    [link] = function.batch([{"bucket": "files", "key": "private-files/a b"}])
    region, origin = BUCKETS["files"]
    credentials = botocore_urls.credentials_of(variables)

    def alike(link, credentials=credentials, origin=origin, region=region):
        return botocore_urls.comparable(link["url"]) == botocore_urls.comparable(
            botocore_urls.url(link, credentials, origin, region, **ATTACHMENT)
        )

    assert alike(link)
    assert not alike({**link, "key": "private-files/a+b"})
    assert not alike({**link, "url": link["url"].replace("%20", "+")})
    assert not alike({**link, "url": link["url"].replace("x-id", "X-id")})
    assert not alike({**link, "expires_in": link["expires_in"] + 1})
    assert not alike(link, region="eu-west-1")
    assert not alike(link, origin=origin + "/")
    assert not alike(
        link, botocore_urls.Credentials(credentials.access_key, credentials.secret_key + "a", credentials.token)
    )
