"""The requests of an upload as botocore signs them: URLs with signed headers, and forms.

botocore signs whole. Only the values that differ from one upload to the next are taken from the function's answer: the
time of signing, the lifetime and the link id.
"""

import base64
import json
from datetime import datetime
from unittest import mock
from urllib.parse import quote, urlencode

from botocore.auth import S3SigV4PostAuth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from signatures import botocore_urls


def url(answer, credentials, origin, region, query, headers):
    """The URL that `answer` must have, except for the order of its parameters.

    `query` names the operation in S3's words, such as `{"uploads": ""}`, and `headers` are all that must be signed
    besides Host.
    """
    path = quote(answer["key"], safe="/~")
    text = urlencode({**query, "x-link-id": answer["link_id"]}, quote_via=quote, safe="~")
    request = AWSRequest(answer["method"], f"{origin}/{path}?{text}", headers=headers)
    with at(botocore_urls.parameter(answer["url"], "X-Amz-Date")):
        S3SigV4QueryAuth(credentials, "s3", region, answer["expires_in"]).add_auth(request)
    return request.url


def form(answer, credentials, bucket, region, fields, length):
    """The fields that the form of `answer` must have, as `generate_presigned_post` makes them, with its policy parsed."""
    conditions = [{"bucket": bucket}, ["content-length-range", *length], {"key": answer["key"]}]
    conditions += [{name: value} for name, value in fields.items()]
    request = AWSRequest("POST", answer["url"])
    request.context["s3-presign-post-fields"] = {"key": answer["key"], **fields}
    request.context["s3-presign-post-policy"] = {"expiration": policy(answer)["expiration"], "conditions": conditions}
    with at(answer["fields"]["x-amz-date"]):
        S3SigV4PostAuth(credentials, "s3", region).add_auth(request)
    return request.context["s3-presign-post-fields"]


def signature(answer, credentials, region):
    """botocore's signature of the policy in a form."""
    signer = S3SigV4PostAuth(credentials, "s3", region)
    request = AWSRequest("POST", answer["url"])
    request.context["timestamp"] = answer["fields"]["x-amz-date"]
    return signer.signature(answer["fields"]["policy"], request)


def policy(answer):
    """The policy in a form."""
    return json.loads(base64.b64decode(answer["fields"]["policy"], validate=True))


def at(amz_date):
    """botocore's clock stands at this time."""
    time = datetime.strptime(amz_date, "%Y%m%dT%H%M%SZ")
    return mock.patch("botocore.auth.get_current_datetime", return_value=time)
