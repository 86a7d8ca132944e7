"""The same link, signed by botocore: the URL is put together and signed anew, with nothing taken from ours.

Of our link only what is new in each is used: when it was signed, for how long, and its id.
"""

from datetime import datetime
from unittest import mock
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials


def credentials_of(variables):
    """The credentials that a function was started with."""
    words = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
    return Credentials(*(variables.get(word) for word in words))


def url(link, credentials, origin, region, **options):
    """The URL that `link` must have but for the order of its parameters.

    `origin` is all before the key's slash; `options` are the parameters that say what S3 shall response.
    """
    path = quote(link["key"], safe="/~")
    # quote_via and not the default, which writes a space as a plus.
    query = urlencode({"x-id": "GetObject", "x-link-id": link["link_id"], **options}, quote_via=quote, safe="~")
    request = AWSRequest("GET", f"{origin}/{path}?{query}")
    signed_at = datetime.strptime(parameter(link["url"], "X-Amz-Date"), "%Y%m%dT%H%M%SZ")
    with mock.patch("botocore.auth.get_current_datetime", return_value=signed_at):
        S3SigV4QueryAuth(credentials, "s3", region, link["expires_in"]).add_auth(request)
    return request.url


def parameter(address, name):
    """One parameter of a URL, decoded; None if it has none of that name."""
    [value] = parse_qs(urlsplit(address).query, keep_blank_values=True).get(name, [None])
    return value


def comparable(address):
    """A URL with its parameters in order, and not one character of them changed."""
    before, query = address.split("?", 1)
    return before, sorted(query.split("&"))
