"""The events and the variables for a function with shares that `Process` starts.

The owner's events are an HTTP API's with IAM. The recipient's are those of a browser: a page, and the form on it.
"""

import base64
import copy
import hashlib
import json
import secrets
from urllib.parse import urlencode

from local_lambda import requests as gateway

from . import requests

TABLE = "shares"
KEY = "private-files/2026/11/quarterly-report-00000.pdf"
PASSCODE = "k7w2m-9pqaz"


def environment(declared=True, **more):
    """The variables of a function with shares."""
    grant = {"bucket": requests.BUCKET, "prefix": "private-files/", "principals": ["*"], "region": requests.REGION}
    grants = json.dumps([{**grant, "actions": ["get", "share"]}])
    return requests.environment(declared, **{"GRANTS": grants, "SHARES_TABLE": TABLE, **requests.OURS, **more})


def make(**fields):
    """An event that makes a share."""
    return requests.event("/shares", {"key": KEY, **fields})


def page(token):
    """An event that asks for a share's page."""
    return recipient("GET", token)


def press(token, passcode=None, cookie=None):
    """An event that presses a share's button."""
    event = json.loads(recipient("POST", token, cookie))
    event["headers"]["content-type"] = "application/x-www-form-urlencoded"
    # HTTP APIs hand a form's body over in base64.
    event["body"] = base64.b64encode(urlencode({"passcode": passcode} if passcode else {}).encode()).decode()
    event["isBase64Encoded"] = True
    return json.dumps(event).encode()


def recipient(method, token, cookie=None):
    """A request of somebody who has a share's address."""
    event = gateway.request(method, f"/s/{token}", principal=None)
    event["headers"]["accept"] = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
    for name in ("authorization", "x-amz-date", "content-type", "content-length"):
        event["headers"].pop(name, None)
    event["isBase64Encoded"] = False
    if cookie:
        event["cookies"] = [f"press={cookie}"]
    return json.dumps(event).encode()


def new_token():
    """A token as the function makes them: 160 random bits."""
    return base64.urlsafe_b64encode(secrets.token_bytes(20)).rstrip(b"=").decode()


def token_in(response):
    """The token in the response to `make`."""
    return json.loads(body_of(response, 201))["url"].rsplit("/", 1)[1]


def location_in(response):
    """The link in the response to `press`."""
    body_of(response, 303)
    return json.loads(response)["headers"]["location"]


def body_of(response, status):
    """The body of a response. Fails if the response has another status."""
    response = json.loads(response)
    if response["statusCode"] != status:
        raise AssertionError(f"the response has not the status {status}: {response}")
    return response["body"]


def share_id(token):
    """The id of the share with this token."""
    return base64.urlsafe_b64encode(hashlib.sha256(token.encode()).digest()).rstrip(b"=").decode()


def with_token(item, token):
    """A copy of a share's item, under the id of another token."""
    return {**copy.deepcopy(item), "id": {"S": share_id(token)}}
