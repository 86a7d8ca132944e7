"""Checks a URL with botocore: only a function that signs correctly is worth a comparison."""

from datetime import datetime
from unittest import mock
from urllib.parse import parse_qsl, urlsplit

from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

# The parameters that a signer adds. All other parameters belong to the request.
SIGNERS_PARAMETERS = {
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-Expires",
    "X-Amz-Security-Token",
    "X-Amz-Signature",
    "X-Amz-SignedHeaders",
}


def check(url, environment):
    """Raise an AssertionError unless botocore signs the URL's request alike. The order of parameters is free."""
    origin, query = url.split("?", 1)
    own = [parameter for parameter in query.split("&") if parameter.split("=")[0] not in SIGNERS_PARAMETERS]
    values = dict(parse_qsl(urlsplit(url).query))
    signed_at = datetime.strptime(values["X-Amz-Date"], "%Y%m%dT%H%M%SZ")
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
    credentials = Credentials(*(environment[name] for name in names))
    request = AWSRequest("GET", f"{origin}?{'&'.join(own)}" if own else origin)
    with mock.patch("botocore.auth.get_current_datetime", return_value=signed_at):
        S3SigV4QueryAuth(credentials, "s3", environment["AWS_REGION"], int(values["X-Amz-Expires"])).add_auth(request)
    expected_origin, expected_query = request.url.split("?", 1)
    if (origin, sorted(query.split("&"))) != (expected_origin, sorted(expected_query.split("&"))):
        raise AssertionError(f"botocore signs {request.url} instead of {url}")
