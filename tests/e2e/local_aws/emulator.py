"""Starts and stops the local AWS: ministack on a free port of 127.0.0.1, with signatures and permissions checked.

Its state is in a temporary directory, which is deleted when it stops. Its log is kept.
"""

import contextlib
import http.client
import os
import pathlib
import random
import secrets
import shutil
import socket
import string
import tempfile
import time

import boto3

from . import commands, paths, isolation


class LocalAws:
    """A local AWS that runs until the `with` block ends.

    Its IAM applies a role's policies `iam_delay_seconds` after the role was made.
    """

    def __init__(self, name, iam_delay_seconds=0):
        self.directory = paths.LOCAL_AWS / (name + paths.WORKER)
        self.log = self.directory / "ministack.log"
        # The root user's keys are random, so only requests signed by this process are accepted.
        letters = string.ascii_uppercase + "234567"
        self.access_key_id = "AKIA" + "".join(secrets.choice(letters) for _ in range(16))
        self.secret_access_key = secrets.token_hex(20)
        self.port = None
        self._iam_delay_seconds = iam_delay_seconds

    def __enter__(self):
        self.directory.mkdir(parents=True, exist_ok=True)
        self._state = tempfile.mkdtemp(prefix="state-", dir=self.directory)
        self.port = free_port()
        self._process = commands.start(
            # -I: ministack must not import this folder's modules.
            [paths.MINISTACK / "bin" / "python", "-I", pathlib.Path(__file__).with_name("ministack_patches")],
            log=self.log,
            env=isolation.clean_environment(**self.keys(), **self._settings()),
            cwd=self._state,
        )
        try:
            self._wait_until_healthy(seconds=60)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        commands.end(self._process)
        shutil.rmtree(self._state, ignore_errors=True)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    @property
    def inbox(self):
        """The directory with the mails that SES has accepted."""
        return pathlib.Path(self._state) / "inbox"

    @property
    def datapoints(self):
        """The file with the datapoints of SQS's metrics, and of those in the functions' logs."""
        return pathlib.Path(self._state) / "metrics.jsonl"

    def keys(self):
        """The root user's keys and the endpoint, as environment variables."""
        return {
            "AWS_ACCESS_KEY_ID": self.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret_access_key,
            "AWS_ENDPOINT_URL": self.url,
        }

    def client(self, service, credentials=None):
        """A boto3 client with the root user's keys, or with credentials in the form in which STS returns them."""
        credentials = credentials or {}
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=isolation.REGION,
            aws_access_key_id=credentials.get("AccessKeyId", self.access_key_id),
            aws_secret_access_key=credentials.get("SecretAccessKey", self.secret_access_key),
            aws_session_token=credentials.get("SessionToken"),
        )

    def _settings(self):
        return {
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(self.port),
            "AUTH": "true",
            "IOT_MTLS_ENABLED": "0",
            "MINISTACK_REGION": isolation.REGION,
            "TMPDIR": self._state,
            "STATE_DIR": os.path.join(self._state, "state"),
            "S3_DATA_DIR": os.path.join(self._state, "s3"),
            "HOME": self._state,
            "IAM_DELAY_SECONDS": str(self._iam_delay_seconds),
            # Lambda sets this variable because of the template's LoggingConfig. ministack does not.
            "AWS_LAMBDA_LOG_FORMAT": "JSON",
        }

    def _wait_until_healthy(self, seconds):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise commands.Failure("the local AWS ended during its start", self.log)
            try:
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
                connection.request("GET", "/_ministack/health")
                if connection.getresponse().status == 200:
                    return
            except OSError:
                pass
            time.sleep(0.05)
        raise commands.Failure(f"the local AWS did not start within {seconds} seconds", self.log)


def free_port():
    """A port of 127.0.0.1 that is free at the moment. Linux gives none of these to a connection that goes out."""
    while True:
        with socket.socket() as probe, contextlib.suppress(OSError):
            port = random.SystemRandom().randrange(10_000, 32_768)
            probe.bind(("127.0.0.1", port))
            return port
