"""What every function is asked, and the credentials it signs with.

The event is an HTTP API's, as in events/, with a session token as long as Lambda's own: a link comes to
about 1,500 characters.
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

# Nobody listens there: a call fails at once, and never leaves this machine.
UNREACHABLE_ENDPOINT = "http://127.0.0.1:1"


def credentials():
    """Of nobody; the token is what 768 bytes are in base64."""
    noise = b"".join(hashlib.sha256(b"%d" % number).digest() for number in range(24))
    return {
        "AWS_ACCESS_KEY_ID": "ASIAIOSFODNN7EXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "AWS_SESSION_TOKEN": base64.b64encode(noise).decode(),
    }


# What template.yaml sets besides.
OURS = {"MALLOC_ARENA_MAX": "1"}


def environment(declared=True, **more):
    """What Lambda sets, the function's settings, and nothing of this machine's user.

    `declared` states the session's end, so that nobody is asked for it. Lambda itself states it to
    functions with SnapStart, through an endpoint; here it stands in the environment.
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
    """An event that asks for many."""
    return event("/links/batch", {"links": [entry(number) for number in range(count)]})


def entry(number):
    """One link's request."""
    return {"key": f"private-files/2026/11/quarterly-report-{number:05d}.pdf", "expires_in": 900}


def event(path, body):
    """A POST as the gateway packs it."""
    packed = json.loads((paths.ROOT / "events" / "http-api" / "post-links.json").read_text(encoding="utf-8"))
    packed["rawPath"] = packed["requestContext"]["http"]["path"] = path
    packed["routeKey"] = packed["requestContext"]["routeKey"] = f"POST {path}"
    packed["body"] = json.dumps(body)
    return json.dumps(packed).encode()


def links_in(response):
    """The links in an response to `link` or `batch`, which must all be there."""
    response = json.loads(response)
    if response["statusCode"] != 200:
        raise AssertionError(f"no link but {response}")
    body = json.loads(response["body"])
    return [link["url"] for link in body.get("links", [body])]
