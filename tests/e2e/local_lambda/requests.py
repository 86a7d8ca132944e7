"""Events as API Gateway sends them, made from the fixtures in events/.

They all have the format of an HTTP API. The tests in test_events show with the fixtures that every format is
handled alike.
"""

import base64
import json
from urllib.parse import urlencode

from local_aws import paths

EVENTS = paths.ROOT / "events"

# The caller in most fixtures.
PRINCIPAL = "arn:aws:iam::123456789012:user/alice"

# The secret of the share's address, and the share's id, in the fixtures about shares.
SHARE_TOKEN = "8QmEXAMPLEEXAMPLEEXAMPLEEXA"
SHARE_ID = "pXkEXAMPLEEXAMPLEEXAMPLEEXAMPLEEXAMPLEEXAM8"

# The folders of fixtures that no gateway sends: events about S3 objects, questions to the doctor, and events that the
# function does not know.
OBJECT_EVENTS = ("s3/", "sns/", "sqs/", "eventbridge/", "eventbridge-input/")
DOCTOR_EVENTS = ("doctor/",)
NON_HTTP_EVENTS = ("not-http/",)


def fixture(name):
    """An event from events/, such as "http-api/post-links"."""
    return json.loads((EVENTS / f"{name}.json").read_text(encoding="utf-8"))


def fixtures():
    """The names of all events in events/."""
    return sorted(str(path.relative_to(EVENTS).with_suffix("")) for path in EVENTS.rglob("*.json"))


def is_about_shares(name):
    """Whether a fixture is a request to one of the routes of shares."""
    return "share" in name


def is_about_uploads(name):
    """Whether a fixture is a request to one of the routes of uploads."""
    return "post-uploads" in name


def method_of(event):
    """The HTTP method in an event of either payload. None if it names none."""
    return event.get("httpMethod") or event.get("requestContext", {}).get("http", {}).get("method")


def about_share(name, token=SHARE_TOKEN, share_id=SHARE_ID):
    """A fixture about a share, for the share with this token and this id."""
    text = (EVENTS / f"{name}.json").read_text(encoding="utf-8")
    return json.loads(text.replace(SHARE_TOKEN, token).replace(SHARE_ID, share_id))


def with_cookie(event, cookie):
    """The event with this cookie in the place of the fixture's. None: without any."""
    cookies = [] if cookie is None else ["theme=dark", cookie]
    if event.get("version") == "2.0":
        event["cookies"] = cookies
        return event
    for name, value in (("headers", "; ".join(cookies)), ("multiValueHeaders", ["; ".join(cookies)])):
        event[name].pop("Cookie", None)
        if cookies:
            event[name]["Cookie"] = value
    return event


def with_form(event, fields):
    """The event with these fields in its form, which is in base64 where the fixture's is."""
    form = urlencode(fields)
    event["body"] = base64.b64encode(form.encode()).decode() if event["isBase64Encoded"] else form
    return event


def press(token, fields, sent_as="application/x-www-form-urlencoded", accept="application/json"):
    """A press of a share's button by a program that has no cookie."""
    event = with_cookie(about_share("http-api/press-share", token), None)
    event["headers"].update({"content-type": sent_as, "accept": accept})
    if sent_as == "application/json":
        event["isBase64Encoded"] = False
        event["body"] = json.dumps(fields)
        return event
    return with_form(event, fields)


def post(path, body, principal=PRINCIPAL):
    """A POST. A body that isn't a string is sent as JSON. With principal=None the caller is not authenticated."""
    return request("POST", path, body=body if isinstance(body, str) else json.dumps(body), principal=principal)


def get(path, query=None, principal=PRINCIPAL):
    """A GET. The query is a dict, a list of pairs, or an encoded string."""
    raw = query if isinstance(query, str) else urlencode(query or {})
    return request("GET", path, query=raw, principal=principal)


def request(method, path, query="", body=None, principal=PRINCIPAL):
    """A request with any method, path, query and body."""
    event = fixture("http-api/post-links")
    context = event["requestContext"]
    event["routeKey"] = context["routeKey"] = "$default"
    event["rawPath"] = context["http"]["path"] = path
    event["rawQueryString"] = query
    context["http"]["method"] = method
    if body is None:
        del event["body"]
    else:
        event["body"] = body
    if principal is None:
        del context["authorizer"]
    else:
        context["authorizer"]["iam"]["userArn"] = principal
    return event
