"""Lambda Managed Instances: one process serves 64 invocations at a time."""

import json
import subprocess

import pytest
from bare_lambda import processor, requests
from bare_lambda.concurrent_runtime_api import ConcurrentRuntimeApi
from bare_lambda.runtime_api import FUNCTION_ARN
from fake_aws import FakeAws, orders
from local_aws import paths

CONCURRENCY = 64
EVENTS = 256
# Every fourth event asks for a batch of this many links.
BATCH = 40


@pytest.fixture(scope="module")
def run(tmp_path_factory, built):
    """All events handled by one process: the Runtime API, the lines of the log, and the calls to STS.

    STS takes half a second to attest, so that all invocations wait for it.
    """
    events = {f"request-{number}": event(number) for number in range(EVENTS)}
    log = tmp_path_factory.mktemp("many") / "log"
    with FakeAws() as sts, ConcurrentRuntimeApi(events) as api, open(log, "wb") as output:
        sts.attest(FUNCTION_ARN.decode(), 11 * 3600)
        # The first call, which initialisation makes, gets no answer.
        sts.fail("sts", orders.DISCONNECT)
        sts.always(orders.late(0.5))
        environment = requests.environment(
            declared=False,
            AWS_LAMBDA_RUNTIME_API=api.address,
            AWS_LAMBDA_MAX_CONCURRENCY=str(CONCURRENCY),
            AWS_ENDPOINT_URL_STS=sts.url,
        )
        process = subprocess.Popen([str(paths.BOOTSTRAP)], env=environment, stdout=output, stderr=output)
        try:
            is_finished = processor.happens(api.finished, 30, process.pid)
            assert is_finished, f"{len(api.responses)} of {EVENTS} events were answered"
        finally:
            process.kill()
            process.wait()
        return api, log.read_text(encoding="utf-8").splitlines(), len(sts.calls())


def event(number):
    keys = [f"private-files/{number}/{link}.pdf" for link in range(BATCH if number % 4 == 0 else 1)]
    if len(keys) == 1:
        return requests.event("/links", {"key": keys[0]})
    return requests.event("/links/batch", {"links": [{"key": key} for key in keys]})


def test_every_invocation_gets_its_own_links(run):
    api, _, _ = run
    for number in range(EVENTS):
        kind, response = api.responses[f"request-{number}"]
        assert kind == "response"
        links = requests.links_in(response)
        assert len(links) == (BATCH if number % 4 == 0 else 1)
        for link, url in enumerate(links):
            assert f"/private-files/{number}/{link}.pdf?" in url


def test_sixty_four_run_at_a_time_and_sts_is_asked_once(run):
    api, _, calls_to_sts = run
    assert api.most_at_once == CONCURRENCY
    assert calls_to_sts == 2, "one call of the initialisation, and one for all invocations"


def test_every_line_is_whole_and_names_its_own_request(run):
    _, lines, _ = run
    signed = {}
    for line in map(json.loads, lines):
        if line.get("message") == "link signed":
            number = line["key"].split("/")[1]
            assert line["request_id"] == f"request-{number}"
            signed[line["request_id"]] = signed.get(line["request_id"], 0) + 1
    assert signed == {f"request-{number}": BATCH if number % 4 == 0 else 1 for number in range(EVENTS)}


def test_every_invocation_has_metrics_of_its_own(run):
    _, lines, _ = run
    metrics = {line["RequestId"]: line for line in map(json.loads, lines) if "_aws" in line}
    assert len(metrics) == EVENTS
    for number in range(EVENTS):
        assert metrics[f"request-{number}"]["LinksSigned"] == (BATCH if number % 4 == 0 else 1)
