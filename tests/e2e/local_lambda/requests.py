"""Events as a gateway sends them, made out of the fixtures in events/.

Only of one shape, the HTTP API's: that all shapes mean the same is shown with the fixtures themselves.
"""

import json
from urllib.parse import urlencode

from local_aws import paths

EVENTS = paths.ROOT / "events"

# The caller of most fixtures.
PRINCIPAL = "arn:aws:iam::123456789012:user/alice"


# The folders of events that no gateway sends: about objects, and about nothing of ours.
OBJECT_EVENTS = ("s3/", "sqs/", "eventbridge/")
NON_HTTP_EVENTS = ("not-http/",)


def fixture(name):
    """An event from events/, such as "http-api/post-links"."""
    return json.loads((EVENTS / f"{name}.json").read_text(encoding="utf-8"))


def fixtures():
    """The names of all events in events/."""
    return sorted(str(path.relative_to(EVENTS).with_suffix("")) for path in EVENTS.rglob("*.json"))


def post(path, body, principal=PRINCIPAL):
    """A POST; what isn't text goes as JSON. Without a principal the gateway authenticated nobody."""
    return request("POST", path, body=body if isinstance(body, str) else json.dumps(body), principal=principal)


def get(path, query=None, principal=PRINCIPAL):
    """A GET, with a query as a dict, as pairs, or as it stands in the URL."""
    raw = query if isinstance(query, str) else urlencode(query or {})
    return request("GET", path, query=raw, principal=principal)


def request(method, path, query="", body=None, principal=PRINCIPAL):
    """Any request at all."""
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
