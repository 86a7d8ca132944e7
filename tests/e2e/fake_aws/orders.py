"""Orders to a fake AWS, and questions to it, as JSON over HTTP.

What can go wrong with a call is a fault, a dict: `done` says whether the service does what it is asked, `error` or
`reply` is what it answers in place of its own answer, `delivery` is what becomes of the answer, and `delay` is how many
seconds it takes.
"""

import base64
import contextlib
import http.client
import json
from datetime import datetime, timezone
from urllib.parse import quote

from . import calls

# The service answers well.
NO_FAULT = {}
# The service does nothing and closes the connection.
DISCONNECT = {"done": False, "delivery": "closed"}
# The service does nothing and never answers.
HANG = {"done": False, "delivery": "never"}
REFUSAL = {"error": {"status": 403, "code": "AccessDenied", "message": "Access Denied"}}

# What becomes of a connection that lies idle while a function is frozen. Forgotten: the service, or a gateway before it,
# knows it no more and answers the next request with a reset.
FATES = ("kept", "closed", "reset", "forgotten")


def late(seconds):
    """The service answers well, so many seconds later."""
    return {"delay": seconds}


class WrongOrder(Exception):
    """The fake AWS does not understand an order."""


class Orders:
    """What a fake AWS that takes orders at an address can be told and asked."""

    def __init__(self, address):
        # Host and port.
        self.orders_at = tuple(address.removeprefix("http://").split(":"))

    def endpoints(self, count):
        """So many more addresses of the services. A client makes connections of their own to each."""
        return self._order("POST", "/endpoints", {"count": count})

    def calls(self, *operations):
        """The calls so far, or those of them that ask for these operations."""
        return calls.of(self._order("GET", "/calls"), operations)

    def take_calls(self):
        """The calls since this was asked last. They are forgotten."""
        return calls.of(self._order("DELETE", "/calls"))

    def until(self, operation, count=1):
        """Wait until so many calls that ask for this operation are done, since the calls were taken last."""
        self._order("GET", f"/until?operation={operation}&count={count}")

    def fail(self, service, *faults):
        """Fail the next calls of a service, in order: "s3", "sts", "ses" or "dynamodb"."""
        self._order("POST", f"/faults/{service}", faults)

    def always(self, fault):
        """Fail each call in this way for which there is no other fault. None: none."""
        self._order("PUT", "/faults", fault)

    def attest(self, function_arn, seconds):
        """Make STS attest that a session of this function lasts so many seconds from each call on."""
        self._order("PUT", "/sts", {"attested": {"function_arn": function_arn, "seconds": seconds}})

    def mint_until(self, end):
        """Let STS's `AssumeRole` give sessions that end at this `datetime`."""
        self._order("PUT", "/sts", {"minted_until": end.astimezone(timezone.utc).isoformat()})

    def identify(self, arn):
        """Let STS say that this principal calls."""
        self._order("PUT", "/sts", {"identity": arn})

    def put_object(self, bucket, key, **described):
        """Put an object into a bucket: its `size`, and `version_id`, `etag` and `headers` if it has any."""
        self._order("PUT", f"/buckets/{bucket}/{quote(key)}", described)

    def put_all_objects(self, bucket, **described):
        """Let a bucket have such an object under every other key."""
        self._order("PUT", f"/buckets/{bucket}", {"otherwise": described})

    def put_policy(self, bucket, policy):
        """Set the policy of a bucket."""
        self._order("PUT", f"/buckets/{bucket}", {"policy": policy})

    def mails(self):
        """The mails that SES accepted, as bytes."""
        return [base64.b64decode(mail["mime"]) for mail in self._order("GET", "/mails")]

    def forget_mails(self):
        """Forget the mails so far."""
        self._order("DELETE", "/mails")

    def items(self, table):
        """The items of a table by their ids."""
        return self._order("GET", f"/tables/{table}")

    def put_items(self, table, items):
        """Put these items into a table."""
        self._order("POST", f"/tables/{table}", items)

    def change_items(self, table, **attributes):
        """Change these attributes of each item of a table that has them."""
        self._order("PATCH", f"/tables/{table}", attributes)

    def delete_items(self, table):
        """Delete all items of a table."""
        self._order("DELETE", f"/tables/{table}")

    def freeze_connections(self, fates, busy=False):
        """Let each connection that lies idle meet one of the fates, in order and from the beginning again.

        `fates` are some of `FATES`. `busy`: the connections that wait for an answer too.
        """
        self._order("POST", "/connections", {"fates": fates, "busy": busy})

    def requests_in_vain(self):
        """How many requests came through connections that were forgotten."""
        return self._order("GET", "/connections")["in_vain"]

    def violations(self):
        """What AWS would have refused, in words."""
        return self._order("GET", "/violations")

    def _order(self, method, path, body=None):
        # Several threads may give orders.
        with contextlib.closing(http.client.HTTPConnection(*self.orders_at, timeout=60)) as connection:
            connection.request(method, path, json.dumps(body))
            answer = connection.getresponse()
            told = json.loads(answer.read())
        if answer.status != 200:
            raise WrongOrder(f"{method} {path}: {told['error']}")
        return told


def now():
    """This instant, in whole seconds since 1970, as an attribute of an item."""
    return {"N": str(int(datetime.now(timezone.utc).timestamp()))}
