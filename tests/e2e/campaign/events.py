"""The events of a life: requests as an HTTP API sends them, and batches of the queue."""

import json
from urllib.parse import quote

from bare_lambda import requests
from local_lambda import requests as gateway

from .aws import BUCKET, VERSION

EXPIRES_IN = 3600
# Only the signer's many links have a shorter window, so that sessions that end soon are enough for some of them.
WINDOWS = (60, 900, EXPIRES_IN, 43_200)


def grants():
    """Everybody may have links to everything, and files that land are mailed."""
    everything = {"bucket": BUCKET, "prefix": "", "max_expires_in": 604_800, "region": requests.REGION}
    return json.dumps([{**everything, "principals": ["*", "s3-event"]}])


def signer_event(invoke, keys, source):
    """The event for an invocation of the signer that asks for links to `keys`."""
    window = source.choice(WINDOWS)
    entries = [{"key": key, "expires_in": window, **options(invoke.what)} for key in keys]
    if invoke.what == "session":
        event = gateway.get("/session")
    elif invoke.what == "download":
        event = gateway.get("/download", f"key={quote(keys[0], safe='')}&expires_in={window}")
    elif invoke.what in ("batch", "checks", "many"):
        event = gateway.post("/links/batch", {"links": entries})
    else:
        event = gateway.post("/links", entries[0])
    return json.dumps(event).encode()


def options(what):
    """The fields of a link that make the function ask S3."""
    if what in ("check", "checks", "many"):
        return {"check": True}
    return {"version_id": VERSION} if what == "version" else {}


def queue_event(messages):
    """A batch of the queue. `messages` maps ids to object keys."""
    return json.dumps({"Records": [message(*pair) for pair in messages.items()]}).encode()


def message(message_id, key):
    """A message of the queue about an object that was created, like the one in events/."""
    [whole, *_] = gateway.fixture("sqs/s3-notification")["Records"]
    notification = json.loads(whole["body"])
    created = notification["Records"][0]["s3"]
    created["bucket"]["name"] = BUCKET
    created["object"].update(key=quote(key), versionId=VERSION)
    return {**whole, "messageId": message_id, "body": json.dumps(notification)}
