"""Every URL the built function signs, against the one botocore makes of the same wishes: character by character.

botocore is AWS's own, and shares no code with the function. Whether a server opens the links is asked
in test_against_a_server; whether the promise is right, in session_death.
"""

import json
from datetime import datetime, timedelta, timezone

import pytest
from local_lambda import offline, running
from signatures import botocore_urls
from signatures.tricky_keys import KEYS

# Bucket, the region stated for it, and what stands before the key. Source: AWS General Reference, "Amazon S3
# endpoints"; Amazon S3 user guide, "Virtual hosting of buckets" and "Using access points".
PLACES = {
    "files": ("eu-central-1", "https://files.s3.eu-central-1.amazonaws.com"),
    "files-us": ("us-east-1", "https://files-us.s3.us-east-1.amazonaws.com"),
    "files-cn": ("cn-north-1", "https://files-cn.s3.cn-north-1.amazonaws.com.cn"),
    "files-gov": ("us-gov-west-1", "https://files-gov.s3.us-gov-west-1.amazonaws.com"),
    # A certificate for *.s3.… does not cover names with dots, so they stand in the path.
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

# Of the kind that S3 makes.
VERSION = "3sL4kqtJlcpXroDTDmJ+rmSpXd3dIbrHY+MTRCxf3vjVBH40Nr8X8gdRQBpUMLUo"

# What one may wish besides the key, and the parameters that S3 must be sent for it.
WISHES = [
    ({}, {}),
    ({"expires_in": 1}, {}),
    ({"expires_in": 604800}, {}),
    ({"version_id": VERSION}, {"versionId": VERSION}),
    ({"version_id": "null"}, {"versionId": "null"}),
    ({"version_id": " ?&=#/é"}, {"versionId": " ?&=#/é"}),
    ({"disposition": "inline"}, {"response-content-disposition": "inline"}),
    ({"content_type": "text/plain; charset=utf-8"}, {"response-content-type": "text/plain; charset=utf-8"}),
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
        {"bucket": bucket, "prefix": "", "principals": ["*"], "region": region}
        for bucket, (region, _) in PLACES.items()
    ]
    # No session is longer than twelve hours, so a week is signed for the rest of them.
    return offline.environment(GRANTS=json.dumps(grants), **changes)


@pytest.fixture(scope="module")
def variables():
    return environment()


@pytest.fixture(scope="module")
def function(built, variables):
    with running.LocalLambda("signatures", **variables) as function:
        yield function


def signed_alike(function, variables, wanted, places=None):
    """Ask for links and compare each with botocore's; `wanted` is bucket, key, wish and parameters."""
    places = places or PLACES
    credentials = botocore_urls.credentials_of(variables)
    compared = 0
    for start in range(0, len(wanted), 500):
        some = wanted[start : start + 500]
        links = function.batch([{"bucket": bucket, "key": key, **wish} for bucket, key, wish, _ in some])
        for (bucket, key, _, parameters), link in zip(some, links, strict=True):
            assert link.get("key") == key, link
            region, origin = places[bucket]
            expected = botocore_urls.url(link, credentials, origin, region, **parameters)
            assert botocore_urls.comparable(link["url"]) == botocore_urls.comparable(expected), key
            compared += 1
    return compared


def test_every_tricky_key_is_signed_as_botocore_signs_it(function, variables):
    assert len(KEYS) > 250
    assert signed_alike(function, variables, [("files", key, {}, {}) for key in KEYS]) == len(KEYS)


def test_every_tricky_key_is_signed_alike_in_a_bucket_that_stands_in_the_path(function, variables):
    signed_alike(function, variables, [("files.example.com", key, {}, {}) for key in KEYS])


def test_every_wish_is_signed_as_botocore_signs_it(function, variables):
    keys = ["private-files/report.pdf", "private-files/Résumé 2026 + 100%.pdf"]
    signed_alike(function, variables, [("files", key, *wish) for key in keys for wish in WISHES])


def test_every_tricky_key_with_all_wishes_at_once_is_signed_alike(function, variables):
    signed_alike(function, variables, [("files", key, *WISHES[-1]) for key in KEYS])


@pytest.mark.parametrize("bucket", PLACES)
def test_every_kind_of_bucket_is_signed_for_its_own_host_and_region(function, variables, bucket):
    signed_alike(function, variables, [(bucket, key, *wish) for key in KEYS[::25] for wish in WISHES[:3]])


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
        # A client leaves a scheme's own port out of the Host header, so that is what must be signed.
        ({"AWS_ENDPOINT_URL_S3": "https://storage.example.com:443"}, "https://files-us.storage.example.com:443"),
        ({"AWS_ENDPOINT_URL_S3": "http://storage.example.com:80"}, "http://files-us.storage.example.com:80"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(f"{k}={v}" for k, v in value.items()),
)
def test_other_endpoints_are_signed_for_the_host_that_a_client_sends(built, setting, origin):
    variables = environment(**setting)
    with running.LocalLambda("signatures-endpoint", **variables) as function:
        wanted = [("files-us", key, *wish) for key in KEYS[::40] for wish in WISHES[:2]]
        signed_alike(function, variables, wanted, {"files-us": ("us-east-1", origin)})


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
def test_whatever_the_credentials_look_like_they_sign_alike(built, secret, token):
    session = (
        {"AWS_SESSION_TOKEN": token}
        if token
        else {"AWS_SESSION_TOKEN": None, "ASSUMED_SESSION_SECONDS": None, "ALLOW_LONG_TERM_KEYS": "true"}
    )
    variables = environment(AWS_SECRET_ACCESS_KEY=secret, **session)
    with running.LocalLambda("signatures-credentials", **variables) as function:
        signed_alike(function, variables, [("files", key, *wish) for key in KEYS[::40] for wish in WISHES[:2]])


def test_the_date_signed_is_now_and_the_length_signed_is_the_length_promised(function):
    for wish in ({}, {"expires_in": 1}, {"expires_in": 604800}):
        before = datetime.now(timezone.utc).replace(microsecond=0)
        link = function.link(bucket="files", key="a", **wish)
        after = datetime.now(timezone.utc)
        signed_at = datetime.strptime(botocore_urls.parameter(link["url"], "X-Amz-Date"), "%Y%m%dT%H%M%SZ").replace(
            tzinfo=timezone.utc
        )
        assert before <= signed_at <= after
        assert botocore_urls.parameter(link["url"], "X-Amz-Expires") == str(link["expires_in"])
        assert datetime.fromisoformat(link["expires_at"]) == signed_at + timedelta(seconds=link["expires_in"])


def test_only_host_is_a_signed_header_and_the_link_id_is_in_the_url(function):
    link = function.link(bucket="files", key="a")
    assert botocore_urls.parameter(link["url"], "X-Amz-SignedHeaders") == "host"
    assert botocore_urls.parameter(link["url"], "x-link-id") == link["link_id"]


def test_the_comparison_sees_a_difference_of_one_character(function, variables):
    """So that the tests above can fail."""
    [link] = function.batch([{"bucket": "files", "key": "private-files/a b"}])
    region, origin = PLACES["files"]
    credentials = botocore_urls.credentials_of(variables)

    def alike(link, credentials=credentials, origin=origin, region=region):
        return botocore_urls.comparable(link["url"]) == botocore_urls.comparable(
            botocore_urls.url(link, credentials, origin, region)
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
