"""Twenty-four environments of the function at once, with one table: what is counted, looked at and mailed.

Each is a process of its own, as in Lambda, so nothing but the table keeps them apart. On a busy machine the table may be
silent for longer than a call may take. A press is answered then that it can't be served now, and its attempt stays
counted as one on its way. Such a round shows nothing, and another one is made with another share.
"""

import contextlib
import json
import threading
import time
from collections import Counter

import pytest
from bare_lambda import requests, shares
from bare_lambda.process import Process
from fake_aws import FakeAws
from local_aws import paths

PROCESSES = 24
DOWNLOADS = 10
TRIES = 10
BUSY = 503
# What `Retry-After` says where the table did not answer in time. Where others are typing, it says 2.
UNSERVED = "30"
ROUNDS = 10


@pytest.fixture
def aws():
    with FakeAws() as aws:
        aws.put_all_objects(requests.BUCKET, size=1024)
        yield aws


@contextlib.contextmanager
def environments(aws, **settings):
    """The processes, each of which has asked for its first event."""
    dynamodb, s3, ses = aws.endpoints(3)
    variables = shares.environment(
        AWS_ENDPOINT_URL_DYNAMODB=dynamodb, AWS_ENDPOINT_URL_S3=s3, AWS_ENDPOINT_URL_SESV2=ses, **settings
    )
    with contextlib.ExitStack() as stack:
        processes = [stack.enter_context(Process([paths.BOOTSTRAP], variables)) for _ in range(PROCESSES)]
        for process in processes:
            process.api.wait_for_next()
        yield processes


def at_once(processes, ask):
    """What `ask` returns for each process, all begun at the same moment."""
    barrier, answers = threading.Barrier(len(processes)), [None] * len(processes)

    def run(index):
        barrier.wait()
        answers[index] = ask(processes[index])

    threads = [threading.Thread(target=run, args=(index,)) for index in range(len(processes))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def status(process, event):
    return answer(process, event)[0]


def answer(process, event):
    """The status, and whether the table was too late."""
    response = json.loads(process.invoke(event)[0])
    headers = {name.lower(): value for name, value in response["headers"].items()}
    return response["statusCode"], response["statusCode"] == BUSY and headers.get("retry-after") == UNSERVED


def statuses(answers):
    """The statuses of a round. None: the table was too late for one of them."""
    return None if any(is_late for _, is_late in answers) else [status for status, _ in answers]


def in_time(round_of):
    """What the first round gives that was in time."""
    for _ in range(ROUNDS):
        if (given := round_of()) is not None:
            return given
    raise AssertionError(f"the table was too late in each of {ROUNDS} rounds")


def share(process, **fields):
    return shares.token_in(process.invoke(shares.make(**fields))[0])


def item(aws, token):
    of_share = aws.items(shares.TABLE)[shares.share_id(token)]
    return {name: int(value["N"]) for name, value in of_share.items() if "N" in value}


def test_no_download_is_given_beyond_the_limit(built, aws):
    with environments(aws) as processes:
        token = share(processes[0], max_downloads=DOWNLOADS)
        answers = Counter(at_once(processes, lambda process: status(process, shares.press(token))))
    assert answers == {303: DOWNLOADS, 410: PROCESSES - DOWNLOADS}
    assert item(aws, token)["downloads"] == DOWNLOADS


def test_no_passcode_is_looked_at_beyond_ten_wrong_ones(built, aws):
    with environments(aws) as processes:

        def guess_at_once():
            token = share(processes[0], passcode=shares.PASSCODE)

            def guess(process):
                return [answer(process, shares.press(token, f"wrong-{number}")) for number in range(3)]

            given = [one for answers in at_once(processes, guess) for one in answers]
            given = statuses([*given, answer(processes[0], shares.press(token, shares.PASSCODE))])
            return given and (token, given)

        token, (*guesses, right) = in_time(guess_at_once)
    assert right == 429
    # The tenth wrong one is answered as the lock that it brings.
    answers = Counter(guesses)
    assert answers[403] == TRIES - 1 and set(answers) <= {403, 429, BUSY}, answers
    assert item(aws, token)["guesses"] == TRIES


def test_everybody_with_the_right_passcode_gets_the_file(built, aws):
    with environments(aws) as processes:

        def press_at_once():
            token = share(processes[0], passcode=shares.PASSCODE)

            def press(process):
                answers = [answer(process, shares.press(token, shares.PASSCODE))]
                while answers[-1] == (BUSY, False):
                    time.sleep(0.2)
                    answers.append(answer(process, shares.press(token, shares.PASSCODE)))
                return answers

            given = at_once(processes, press)
            return statuses([one for answers in given for one in answers]) and (token, given)

        token, answers = in_time(press_at_once)
    assert {given[-1][0] for given in answers} == {303}, answers
    counted = item(aws, token)
    assert (counted["downloads"], counted["attempts"], counted["in_flight"]) == (PROCESSES, 0, 0)


def test_an_event_that_arrives_everywhere_is_mailed_once(built, aws):
    event = json.loads((paths.ROOT / "events" / "s3" / "object-created-put.json").read_text(encoding="utf-8"))
    record = event["Records"][0]["s3"]
    record["bucket"]["name"], record["object"]["key"] = requests.BUCKET, shares.KEY
    queue = {"Records": [{"messageId": "m0", "eventSource": "aws:sqs", "body": json.dumps(event)}]}
    grant = {"bucket": requests.BUCKET, "prefix": "private-files/", "principals": ["s3-event"], "region": requests.REGION}
    settings = {
        "GRANTS": json.dumps([{**grant, "actions": ["get", "share"]}]),
        "PUBLIC_URL": "https://files.example.com",
        "MAIL_FROM": "files@example.com",
        "MAIL_TO": "bob@example.com",
        "MAIL_ALLOWED_RECIPIENTS": "*@example.com",
        "MAIL_TABLE": "mails",
    }
    with environments(aws, **settings) as processes:
        answers = at_once(processes, lambda process: process.invoke(json.dumps(queue).encode())[0])
    done = [not json.loads(answer)["batchItemFailures"] for answer in answers]
    assert len(aws.mails()) == 1 and True in done
    # Of all shares that were begun, the mailed one is left.
    assert len([one for one in aws.items(shares.TABLE).values() if "revoked_at" not in one]) == 1
