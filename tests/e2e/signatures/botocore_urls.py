"""The URL of a link as botocore signs it.

botocore builds and signs the whole URL. Only the values that differ from link to link are taken from the
function's link: the time of signing, the lifetime and the link id.
"""

from datetime import datetime
from unittest import mock
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials


def credentials_of(variables):
    """The credentials in a function's environment."""
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
    return Credentials(*(variables.get(name) for name in names))


def url(link, credentials, origin, region, **options):
    """The URL that `link` must have, except for the order of its parameters.

    `origin` is the part before the slash in front of the key. `options` are the other query parameters, such as
    response-content-type.
    """
    path = quote(link["key"], safe="/~")
    # The default quote_via would encode a space as a plus.
    # AWS's model of S3 has the parameter x-id in GetObject, and not in HeadObject.
    named = {"x-id": "GetObject"} if link["method"] == "GET" else {}
    query = urlencode({**named, "x-link-id": link["link_id"], **options}, quote_via=quote, safe="~")
    request = AWSRequest(link["method"], f"{origin}/{path}?{query}")
    signed_at = datetime.strptime(parameter(link["url"], "X-Amz-Date"), "%Y%m%dT%H%M%SZ")
    with mock.patch("botocore.auth.get_current_datetime", return_value=signed_at):
        S3SigV4QueryAuth(credentials, "s3", region, link["expires_in"]).add_auth(request)
    return request.url


def parameter(url, name):
    """One query parameter of a URL, decoded. None if the URL does not have it."""
    [value] = parse_qs(urlsplit(url).query, keep_blank_values=True).get(name, [None])
    return value


def comparable(url):
    """A URL's part before the query, and its query parameters in sorted order, still encoded."""
    before, query = url.split("?", 1)
    return before, sorted(query.split("&"))
