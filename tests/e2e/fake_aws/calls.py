"""What a fake AWS was sent."""

import json
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote, urlsplit


@dataclass
class Call:
    """A call of an AWS service."""

    # AWS's name of what it asks for, or "Unknown".
    operation: str
    # The request line and the headers.
    head: str
    body: str
    # Whose session signed it. Empty: it is not signed.
    access_key_id: str

    @property
    def method(self):
        return self.head.split(" ", 1)[0]

    @property
    def target(self):
        """Path and query, still encoded."""
        return self.head.split(" ", 2)[1]

    @property
    def query(self):
        """The parameters of the query, each with its values."""
        return parse_qs(urlsplit(self.target).query)

    @property
    def key(self):
        """The key of the object in a call of S3's, whose bucket stands in the path."""
        return unquote(urlsplit(self.target).path).split("/", 2)[-1]

    @property
    def json(self):
        """The body of a call of SES's or DynamoDB's."""
        return json.loads(self.body)

    def header(self, name):
        """A header, or "". The name is in small letters."""
        lines = (line.partition(": ") for line in self.head.split("\r\n")[1:])
        return next((value for found, _, value in lines if found.lower() == name), "")


def of(told, operations=()):
    """The calls that a fake AWS told of, or those of them that ask for these operations."""
    return [Call(**call) for call in told if not operations or call["operation"] in operations]
