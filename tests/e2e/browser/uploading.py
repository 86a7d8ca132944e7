"""A deployed stack that signs uploads, and what is in its bucket afterwards."""

import json
import random
import uuid
from contextlib import contextmanager
from datetime import datetime, timezone
from urllib.parse import parse_qs, urlsplit

from local_aws import deploying
from local_aws.http_server import HttpServer
from local_lambda import roles

FOLDER = "uploads/"
MAX_SIZE = 30_000_000

# What is uploaded in one request.
SMALL = random.Random(1).randbytes(300_000)
# What is uploaded in four parts, the last of which is smaller.
LARGE = random.Random(2).randbytes(20_000_000)


class Uploading:
    """The stack, a user's token, and the origin of the pages."""

    def __init__(self, aws, users, origin):
        self.aws = aws
        self.origin = origin
        self.token = users.access_token
        self.stack = deploying.deploy(
            aws,
            stack="for-uploads",
            JwtIssuer=users.issuer,
            JwtAudience=users.audience,
            Principals="*",
            AllowedOrigins=origin,
            Uploads="yes",
            UploadMaxSize=MAX_SIZE,
        )
        self.api_url = self.stack.api_url
        self._s3 = aws.client("s3")

    def open(self, tab, page):
        """Open a page, and fill in where the API is and who asks."""
        tab.load(f"{self.origin}/{page}")
        fields = json.dumps({"api": self.api_url, "token": self.token})
        tab.evaluate(f"for (const [id, value] of Object.entries({fields})) document.getElementById(id).value = value;0")

    @contextmanager
    def one_more(self):
        """There is one more object after the `with` block, whose key the value then has."""
        before, made = self._keys(), Made()
        yield made
        [made.key] = self._keys() - before

    @contextmanager
    def none_more(self):
        """There are the same objects after the `with` block."""
        before = self._keys()
        yield
        assert self._keys() == before

    def stored(self, key):
        """The content and the media type of an object."""
        found = self._s3.get_object(Bucket=self.stack.bucket, Key=key)
        return found["Body"].read(), found["ContentType"]

    def unfinished(self):
        """The keys and ids of the uploads in parts that have neither been completed nor aborted."""
        listed = self._s3.list_multipart_uploads(Bucket=self.stack.bucket)
        return [(upload["Key"], upload["UploadId"]) for upload in listed.get("Uploads", [])]

    def forget_unfinished(self):
        """Abort what other tests have not finished."""
        for key, upload_id in self.unfinished():
            self._s3.abort_multipart_upload(Bucket=self.stack.bucket, Key=key, UploadId=upload_id)

    def sent(self, tab):
        """The requests that the page has sent to S3, in order: the methods, and the numbers of parts."""
        parts = [(request["method"], urlsplit(request["url"])) for request in tab.requests()[0]]
        to_s3 = [
            (method, parse_qs(url.query)) for method, url in parts
            # The browser's own questions about CORS are left out.
            if url.path.startswith(f"/{self.stack.bucket}") and method != "OPTIONS"
        ]
        return [" ".join([method, *query.get("partNumber", [])]) for method, query in to_s3]

    @contextmanager
    def unfinished_end_after(self, days):
        """Has a rule of the bucket end unfinished uploads, until the `with` block ends. The local AWS leaves the template's rule out."""
        rule = {
            "ID": "end-unfinished-uploads",
            "Status": "Enabled",
            "Filter": {"Prefix": ""},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": days},
        }
        self._s3.put_bucket_lifecycle_configuration(
            Bucket=self.stack.bucket, LifecycleConfiguration={"Rules": [rule]}
        )
        try:
            yield
        finally:
            self._s3.delete_bucket_lifecycle(Bucket=self.stack.bucket)

    @contextmanager
    def sessions_of(self, seconds):
        """Has STS give the function shorter sessions to sign with, until the `with` block ends."""
        writes = ["s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"]
        resource = f"arn:aws:s3:::{self.stack.bucket}/*"
        statement = {"Effect": "Allow", "Action": writes, "Resource": resource}
        role = roles.Role(self.aws, f"short-{uuid.uuid4()}", statement)
        with ShortSessions(role, seconds) as sts:
            before = self._variables()
            self._set_variables({**before, "AWS_ENDPOINT_URL_STS": sts.url})
            try:
                yield sts
            finally:
                self._set_variables(before)

    def _keys(self):
        listed = self._s3.list_objects_v2(Bucket=self.stack.bucket, Prefix=FOLDER)
        return {entry["Key"] for entry in listed.get("Contents", [])}

    def _variables(self):
        found = self.aws.client("lambda").get_function_configuration(FunctionName=self.stack.function)
        return found["Environment"]["Variables"]

    def _set_variables(self, variables):
        self.aws.client("lambda").update_function_configuration(
            FunctionName=self.stack.function, Environment={"Variables": variables}
        )


class Made:
    """An object that is made in a `with` block."""

    key = None


class ShortSessions(HttpServer):
    """A stand-in for STS, which gives no session shorter than a quarter of an hour. This one's are as short as a test needs."""

    def __init__(self, role, seconds):
        super().__init__()
        self._role = role
        self._seconds = seconds
        self._given = []

    def signed(self, url):
        """The session that signed a URL."""
        [session] = [session for session in self._given if session["AccessKeyId"] in url]
        return session

    def answer(self, method, target, headers, body):
        [action] = parse_qs(body.decode())["Action"]
        if action != "AssumeRole":
            return 400, {"Content-Type": "text/xml"}, b"<ErrorResponse><Error><Code>NotHere</Code></Error></ErrorResponse>"
        session = self._role.session(self._seconds)
        self._given.append(session)
        fields = {**session, "Expiration": session["Expiration"].strftime("%Y-%m-%dT%H:%M:%SZ")}
        credentials = "".join(f"<{name}>{value}</{name}>" for name, value in fields.items())
        answer = f"<AssumeRoleResult><Credentials>{credentials}</Credentials></AssumeRoleResult>"
        document = f'<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">{answer}</AssumeRoleResponse>'
        return 200, {"Content-Type": "text/xml"}, document.encode()


def seconds_left(session):
    """How many seconds a session still lasts."""
    return (session["Expiration"] - datetime.now(timezone.utc)).total_seconds()


def state(tab, **fields):
    """Has the page state something else to the API than its code does, in every question that begins an upload or is a step of one."""
    tab.evaluate(
        f"""const before = window.fetch;
        window.fetch = (url, options) => {{
          if (!["/uploads", "/uploads/sign"].includes(new URL(url).pathname)) return before(url, options);
          const body = JSON.stringify({{ ...JSON.parse(options.body), ...{json.dumps(fields)} }});
          return before(url, {{ ...options, body }});
        }};0"""
    )
