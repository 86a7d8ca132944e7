"""A server that stands for every AWS service, refuses every request with 403, and records it.

It is for functions that should send no requests. If one does, the request stays on this machine, fails at once,
and can be counted.
"""

from local_aws.http_server import HttpServer

ACCESS_DENIED = b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"


class RefusingAws(HttpServer):
    """Refuses and records."""

    def __init__(self):
        super().__init__()
        # The method and the path of each request so far.
        self.received = []

    def answer(self, method, target, headers, body):
        self.received.append((method, target))
        return 403, {"Content-Type": "text/xml"}, ACCESS_DENIED
