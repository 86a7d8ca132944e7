"""The environment variables and the events for a function that `Process` starts.

The events are an HTTP API's, as in events/. The session token is as long as Lambda's own, so a link has about
1,500 characters.
"""

import base64
import hashlib
import json
from datetime import datetime, timedelta, timezone

from local_aws import paths

BUCKET = "private-files-of-example-com"
REGION = "eu-west-1"
NAME = "signer"
BATCH = 1000

# No process listens on this port. A call to it fails at once and does not leave this machine.
UNREACHABLE_ENDPOINT = "http://127.0.0.1:1"


def credentials():
    """Credentials of no account. The session token is 768 bytes in base64."""
    noise = b"".join(hashlib.sha256(b"%d" % number).digest() for number in range(24))
    return {
        "AWS_ACCESS_KEY_ID": "ASIAIOSFODNN7EXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "AWS_SESSION_TOKEN": base64.b64encode(noise).decode(),
    }


# What template.yaml sets in addition. It is not for the functions that the benchmarks compare ours with.
OURS = {"MALLOC_ARENA_MAX": "1"}


def environment(declared=True, **more):
    """The variables that Lambda sets, and the function's settings. No variable of this machine's user is among them.

    `declared` adds the end of the session, so the function need not ask STS for it. `more` overrides the rest.
    """
    grants = [{"bucket": BUCKET, "prefix": "private-files/", "principals": ["*"], "region": REGION}]
    end = datetime.now(timezone.utc) + timedelta(hours=12)
    return {
        **credentials(),
        **({"AWS_CREDENTIAL_EXPIRATION": end.strftime("%Y-%m-%dT%H:%M:%SZ")} if declared else {}),
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_LAMBDA_FUNCTION_NAME": NAME,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
        "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/signer",
        "AWS_LAMBDA_LOG_STREAM_NAME": "2026/11/23/[$LATEST]0123456789abcdef0123456789abcdef",
        "AWS_LAMBDA_LOG_FORMAT": "JSON",
        "AWS_EC2_METADATA_DISABLED": "true",
        # There is no S3 to ask for the bucket's policy.
        "BUCKET_POLICY": "ignore",
        "GRANTS": json.dumps(grants),
        "HOME": "/nonexistent",
        "LANG": "C.UTF-8",
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "NO_PROXY": "127.0.0.1,localhost",
        **more,
    }


def link():
    """An event that asks for one link."""
    return event("/links", entry(0))


def batch(count=BATCH):
    """An event that asks for `count` links."""
    return event("/links/batch", {"links": [entry(number) for number in range(count)]})


def entry(number):
    """The request for one link."""
    return {"key": f"private-files/2026/11/quarterly-report-{number:05d}.pdf", "expires_in": 900}


def event(path, body):
    """A POST as API Gateway sends it, as bytes."""
    gateway_event = json.loads((paths.ROOT / "events" / "http-api" / "post-links.json").read_text(encoding="utf-8"))
    gateway_event["rawPath"] = gateway_event["requestContext"]["http"]["path"] = path
    gateway_event["routeKey"] = gateway_event["requestContext"]["routeKey"] = f"POST {path}"
    gateway_event["body"] = json.dumps(body)
    return json.dumps(gateway_event).encode()


def links_in(response):
    """The URLs in the response to `link` or `batch`. Fails if the response has another status than 200."""
    response = json.loads(response)
    if response["statusCode"] != 200:
        raise AssertionError(f"the response is not a link: {response}")
    body = json.loads(response["body"])
    return [link["url"] for link in body.get("links", [body])]
