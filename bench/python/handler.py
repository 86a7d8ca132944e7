"""The same function with boto3 on awslambdaric, Lambda's own runtime client for Python.

It does less than s3-link-signer: it looks no grant up, knows nothing of the session, signs no link id into the URL
and logs nothing. As the SDK's guide advises, the client is made once, outside of the handler.
"""

import datetime
import json
import os
import uuid

import boto3
from botocore.config import Config

GRANT = json.loads(os.environ["GRANTS"])[0]
S3 = boto3.client(
    "s3",
    region_name=GRANT["region"],
    config=Config(signature_version="s3v4", s3={"addressing_style": "virtual"}),
)


def handle(event, _):
    """Answer a POST to /links or to /links/batch."""
    body = json.loads(event["body"])
    if event["rawPath"] == "/links/batch":
        response = {"links": [link(request) for request in body["links"]]}
    else:
        response = link(body)
    return {
        "statusCode": 200,
        "headers": {"content-type": "application/json", "cache-control": "no-store"},
        "body": json.dumps(response),
        "isBase64Encoded": False,
    }


def link(request):
    """One link, with s3-link-signer's field names."""
    bucket = request.get("bucket", GRANT["bucket"])
    expires_in = min(request.get("expires_in", 3600), 604800)
    end = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=expires_in)
    url = S3.generate_presigned_url(
        "get_object", Params={"Bucket": bucket, "Key": request["key"]}, ExpiresIn=expires_in
    )
    return {
        "url": url,
        "link_id": str(uuid.uuid4()),
        "method": "GET",
        "bucket": bucket,
        "key": request["key"],
        "expires_at": end.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "expires_in": expires_in,
        "requested_expires_in": request.get("expires_in", 3600),
        "limited_by": "request",
        "session": {"evidence": "assumed"},
        "proven": False,
    }
