"""Events as API Gateway sends them, made from the fixtures in events/.

They all have the format of an HTTP API. The tests in test_events show with the fixtures that every format is
handled alike.
"""

import json
from urllib.parse import urlencode

from local_aws import paths

EVENTS = paths.ROOT / "events"

# The caller in most fixtures.
PRINCIPAL = "arn:aws:iam::123456789012:user/alice"

# The folders of fixtures that no gateway sends: events about S3 objects, questions to the doctor, and events that the
# function does not know.
OBJECT_EVENTS = ("s3/", "sqs/", "eventbridge/")
DOCTOR_EVENTS = ("doctor/",)
NON_HTTP_EVENTS = ("not-http/",)


def fixture(name):
    """An event from events/, such as "http-api/post-links"."""
    return json.loads((EVENTS / f"{name}.json").read_text(encoding="utf-8"))


def fixtures():
    """The names of all events in events/."""
    return sorted(str(path.relative_to(EVENTS).with_suffix("")) for path in EVENTS.rglob("*.json"))


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
