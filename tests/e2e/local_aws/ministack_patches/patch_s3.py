"""S3: requests count as TLS, filters of notifications are read as S3 reads them, and links to versions name their files."""

import re
from urllib.parse import unquote_plus

# Characters that stand for themselves in a filter. Others are percent-encoded, and a space is `+`.
# Source: Amazon S3 user guide, "Configuring event notifications using object key name filtering" and "Safe characters".
ENCODED = re.compile(r"(?:[A-Za-z0-9/!_.*'()-]|\+|%[0-9A-Fa-f]{2})*")


def count_requests_as_tls():
    """AWS is called over TLS. The tests use plain HTTP on 127.0.0.1, and the template's bucket refuses requests
    without TLS. So every request counts as TLS, unless it has the header `X-Forwarded-Proto: http`."""
    from ministack import app as server

    original = server.app

    async def over_tls(scope, receive, send):
        if scope["type"] == "http":
            scope = {**scope, "scheme": "https"}
        await original(scope, receive, send)

    server.app = over_tls


def read_filters_of_notifications_as_s3_does():
    """ministack compares a key with a filter as it is written. S3 decodes the filter first. What is not encoded as S3
    wants it matches no key here, because S3's guide does not say what it matches."""
    from ministack.services import s3

    def decoded(value):
        return unquote_plus(value) if ENCODED.fullmatch(value) else None

    def key_matches_filter(key, prefix, suffix):
        if prefix is not None and (decoded(prefix) is None or not key.startswith(decoded(prefix))):
            return False
        return suffix is None or (decoded(suffix) is not None and key.endswith(decoded(suffix)))

    s3._key_matches_filter = key_matches_filter


def answer_for_versions_as_a_link_asks():
    """A link may ask for other headers, such as `response-content-disposition`. ministack heeds that only where the link
    names no version, so a browser would not learn the file's name.

    Source: Amazon S3 API reference, "GetObject", which has `versionId` and these parameters for one request.
    """
    from ministack.services import s3

    original_get = s3._get_object

    def get_object(bucket_name, key, headers, query_params=None):
        status, answer_headers, *body = original_get(bucket_name, key, headers, query_params)
        if status in (200, 206) and (query_params or {}).get("versionId"):
            s3._apply_response_overrides(answer_headers, query_params)
        return status, answer_headers, *body

    s3._get_object = get_object
