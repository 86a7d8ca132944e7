"""Lambda Managed Instances: one process serves 64 invocations at a time."""

import base64
import http.server
import json
import subprocess
import threading
import time
from datetime import datetime, timedelta, timezone

import pytest
from bare_lambda import requests
from bare_lambda.concurrent_runtime_api import ConcurrentRuntimeApi
from bare_lambda.runtime_api import FUNCTION_ARN
from local_aws import paths

CONCURRENCY = 64
EVENTS = 256
# Every fourth event asks for a batch of this many links.
BATCH = 40


class SlowSts(http.server.BaseHTTPRequestHandler):
    """An STS that takes half a second to attest, so that all invocations wait for it."""

    calls = 0

    def do_POST(self):
        SlowSts.calls += 1
        self.rfile.read(int(self.headers["Content-Length"]))
        # The first call, which initialisation makes, gets no answer.
        if SlowSts.calls == 1:
            self.close_connection = True
            return
        time.sleep(0.5)
        body = (
            "<GetWebIdentityTokenResponse><GetWebIdentityTokenResult>"
            f"<WebIdentityToken>{token()}</WebIdentityToken><Expiration>2030-01-01T00:00:00Z</Expiration>"
            "</GetWebIdentityTokenResult></GetWebIdentityTokenResponse>"
        ).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Logs nothing."""


def token():
    now = int(time.time())
    end = datetime.now(timezone.utc) + timedelta(hours=11)
    claims = {
        "iss": "https://abc.tokens.sts.global.api.aws",
        "aud": "https://s3-link-signer.invalid",
        "sub": "arn:aws:iam::123456789012:role/signer",
        "iat": now,
        "exp": now + 60,
        "https://sts.amazonaws.com/": {
            "aws_account": "123456789012",
            "original_session_exp": end.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "lambda_source_function_arn": FUNCTION_ARN.decode(),
        },
    }
    parts = [json.dumps(part).encode() for part in ({"alg": "ES384"}, claims)]
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in (*parts, b"signature"))


@pytest.fixture(scope="module")
def run(tmp_path_factory, built):
    """All events handled by one process: the Runtime API, and the lines of the log."""
    sts = http.server.ThreadingHTTPServer(("127.0.0.1", 0), SlowSts)
    threading.Thread(target=sts.serve_forever, daemon=True).start()
    events = {f"request-{number}": event(number) for number in range(EVENTS)}
    log = tmp_path_factory.mktemp("many") / "log"
    with ConcurrentRuntimeApi(events) as api, open(log, "wb") as output:
        environment = requests.environment(
            declared=False,
            AWS_LAMBDA_RUNTIME_API=api.address,
            AWS_LAMBDA_MAX_CONCURRENCY=str(CONCURRENCY),
            AWS_ENDPOINT_URL_STS="http://127.0.0.1:%d" % sts.server_address[1],
        )
        process = subprocess.Popen([str(paths.BOOTSTRAP)], env=environment, stdout=output, stderr=output)
        try:
            assert api.finished.wait(30), f"{len(api.responses)} of {EVENTS} events were answered"
        finally:
            process.kill()
            process.wait()
            sts.shutdown()
            sts.server_close()
    return api, log.read_text(encoding="utf-8").splitlines()


def event(number):
    keys = [f"private-files/{number}/{link}.pdf" for link in range(BATCH if number % 4 == 0 else 1)]
    if len(keys) == 1:
        return requests.event("/links", {"key": keys[0]})
    return requests.event("/links/batch", {"links": [{"key": key} for key in keys]})


def test_every_invocation_gets_its_own_links(run):
    api, _ = run
    for number in range(EVENTS):
        kind, response = api.responses[f"request-{number}"]
        assert kind == "response"
        links = requests.links_in(response)
        assert len(links) == (BATCH if number % 4 == 0 else 1)
        for link, url in enumerate(links):
            assert f"/private-files/{number}/{link}.pdf?" in url


def test_sixty_four_run_at_a_time_and_sts_is_asked_once(run):
    api, _ = run
    assert api.most_at_once == CONCURRENCY
    assert SlowSts.calls == 2, "one call of the initialisation, and one for all invocations"


def test_every_line_is_whole_and_names_its_own_request(run):
    _, lines = run
    signed = {}
    for line in map(json.loads, lines):
        if line.get("message") == "link signed":
            number = line["key"].split("/")[1]
            assert line["request_id"] == f"request-{number}"
            signed[line["request_id"]] = signed.get(line["request_id"], 0) + 1
    assert signed == {f"request-{number}": BATCH if number % 4 == 0 else 1 for number in range(EVENTS)}


def test_every_invocation_has_metrics_of_its_own(run):
    _, lines = run
    metrics = {line["RequestId"]: line for line in map(json.loads, lines) if "_aws" in line}
    assert len(metrics) == EVENTS
    for number in range(EVENTS):
        assert metrics[f"request-{number}"]["LinksSigned"] == (BATCH if number % 4 == 0 else 1)
