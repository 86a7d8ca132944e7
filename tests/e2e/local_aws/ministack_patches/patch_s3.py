"""S3: requests count as TLS, filters of notifications are read as S3 reads them, and links to versions name their files."""

import re
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
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


def say_when_unfinished_uploads_end():
    """S3 says in its answers to CreateMultipartUpload and ListParts when a lifecycle rule of the bucket will end the upload:
    at the midnight after it has had all of the rule's days. ministack doesn't say it.

    Source: Amazon S3 API reference, "CreateMultipartUpload", `x-amz-abort-date`; Amazon S3 user guide, "Lifecycle rules:
    Based on an object's age".
    """
    from ministack.services import s3

    def abort_date(bucket, key):
        rules = s3._bucket_lifecycle.get(bucket)
        for rule in rules if isinstance(rules, list) else []:
            ending = rule.get("AbortIncompleteMultipartUpload")
            prefix = rule.get("Filter", {}).get("Prefix", "")
            if ending and rule.get("Status") == "Enabled" and key.startswith(prefix):
                last = datetime.now(timezone.utc) + timedelta(days=ending["DaysAfterInitiation"] + 1)
                midnight = last.replace(hour=0, minute=0, second=0, microsecond=0)
                return {"x-amz-abort-date": format_datetime(midnight, usegmt=True), "x-amz-abort-rule-id": rule.get("ID", "")}
        return {}

    def saying_it(original):
        def answer(bucket, key, *more):
            status, headers, body = original(bucket, key, *more)
            return status, {**headers, **(abort_date(bucket, key) if status == 200 else {})}, body

        return answer

    s3._create_multipart_upload = saying_it(s3._create_multipart_upload)
    s3._list_parts = saying_it(s3._list_parts)


def let_pages_read_every_refusal():
    """S3 answers with the bucket's CORS headers also where it refuses. ministack leaves them out where the session that
    signed a request has ended, so a page could not tell that from a network that failed.

    Source: pages on AWS that read this refusal, such as aws-amplify/amplify-js#13307.
    """
    from ministack import app as server
    from ministack.services import s3

    original = server.app

    async def with_cors(scope, receive, send):
        async def send_with_cors(message):
            if message["type"] == "http.response.start" and message["status"] >= 400:
                headers = {name.decode().lower(): value.decode() for name, value in scope["headers"]}
                answered = {name.decode().lower() for name, _ in message["headers"]}
                target = server._s3_cors_target(headers.get("host", ""), scope["path"])
                if target and "access-control-allow-origin" not in answered:
                    cors = s3.cors_response_headers(target[0], scope["method"], headers)
                    added = [(name.encode(), value.encode()) for name, value in cors.items()]
                    message = {**message, "headers": [*message["headers"], *added]}
            await send(message)

        await original(scope, receive, send_with_cors)

    server.app = with_cors
