"""STS, S3 and DynamoDB on 127.0.0.1, over TLS: the fake AWS of the tests behind `tls_front`.

Every object exists, STS attests sessions of twelve hours, and the bucket has the policy that the template gives its own.
Each service has an address of its own, so that a function makes a connection for each.
"""

from bare_lambda import requests, shares
from bare_lambda.runtime_api import FUNCTION_ARN
from fake_aws import FakeAws, orders

from .tls_front import TlsFront

TWELVE_HOURS = 12 * 3600
POLICY = {
    "Version": "2012-10-17",
    "Statement": {
        "Sid": "OnlyOverTls",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": "arn:aws:s3:::*",
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    },
}


class Services:
    """The services. They listen until the `with` block ends."""

    def __enter__(self):
        self._aws = FakeAws().start()
        self._aws.attest(FUNCTION_ARN.decode(), TWELVE_HOURS)
        self._aws.put_all_objects(requests.BUCKET, size=1_250_000)
        self._aws.put_policy(requests.BUCKET, POLICY)
        self._front = TlsFront(self._aws.endpoints(3))
        self._sts, self._s3, self._dynamodb = self._front.start()
        return self

    def __exit__(self, *error):
        self._front.stop()
        self._aws.__exit__(*error)

    def sts_environment(self, has_default_roots=False):
        """The variables that send a function's STS calls here. `has_default_roots`: it trusts as many as the SDK does."""
        roots = self._front.system_roots if has_default_roots else self._front.five_roots
        return {"AWS_ENDPOINT_URL_STS": f"https://localhost:{self._sts}", "SSL_CERT_FILE": str(roots)}

    def policy_environment(self):
        """The variables that make a function ask for the bucket's policy as well, here."""
        return {"BUCKET_POLICY": "heed", "AWS_ENDPOINT_URL_S3": self._url(self._s3)}

    def shares_environment(self):
        """The variables of a function with shares that calls these services."""
        return shares.environment(
            AWS_ENDPOINT_URL_S3=self._url(self._s3),
            # An address too, so that a call of either service costs the same.
            AWS_ENDPOINT_URL_DYNAMODB=self._url(self._dynamodb),
            SSL_CERT_FILE=str(self._front.five_roots),
        )

    def answer_after(self, seconds):
        """Let each answer take so many seconds. In the cloud the services are some milliseconds away."""
        self._aws.always(orders.late(seconds))

    def forget_calls(self):
        """Forget the calls so far."""
        self._aws.take_calls()

    def dynamodb_calls(self):
        """How many calls DynamoDB got since then."""
        return sum(call.header("x-amz-target") != "" for call in self._aws.calls())

    def copies(self, token, count):
        """The tokens of so many shares that are like the one of `token`. Each is as it was made."""
        item = self._aws.items(shares.TABLE)[shares.share_id(token)]
        tokens = [shares.new_token() for _ in range(count)]
        self._aws.put_items(shares.TABLE, [shares.with_token(item, copy) for copy in tokens])
        return tokens

    @staticmethod
    def _url(port):
        # An address, because the bucket's name would stand before the name of a host, and no resolver knows that.
        return f"https://127.0.0.1:{port}"
