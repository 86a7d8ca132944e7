"""The lines with `sam local` in the documents, run as they stand; and what SAM says when something is missing."""

import json
from urllib.parse import parse_qs, urlsplit

import pytest
from sam_local import documented
from sam_local.conftest import CREDENTIALS

BLOCKS = documented.blocks()
NO_CREDENTIALS = dict.fromkeys(CREDENTIALS)


def json_lines(printed):
    """The JSON objects among the lines that a command printed."""
    return [json.loads(line) for line in printed.splitlines() if line.startswith("{")]


def assert_is_a_link(link):
    """Assert that an answer of the API is a link to a file in the bucket of the documents, as the function signs it."""
    url = urlsplit(link["url"])
    signed = {name: values[0] for name, values in parse_qs(url.query).items()}
    assert url.hostname == "my-files.s3.eu-central-1.amazonaws.com"
    assert url.path.startswith("/private-files/")
    assert signed["X-Amz-Credential"].startswith(f"{CREDENTIALS['AWS_ACCESS_KEY_ID']}/")
    assert signed["X-Amz-Security-Token"] == CREDENTIALS["AWS_SESSION_TOKEN"]
    assert len(signed["X-Amz-Signature"]) == 64
    assert int(signed["X-Amz-Expires"]) == link["expires_in"] > 0
    assert (link["session"]["evidence"], link["proven"]) == ("assumed", False)


def test_every_document_that_should_have_such_lines_has_them():
    assert {block.document for block in BLOCKS} == {"README.md", "docs/deploy.md", "docs/operations.md", "events/README.md"}
    assert [block.document for block in BLOCKS if block.starts_the_api] == ["docs/deploy.md"]
    assert [block.document for block in BLOCKS if block.asks_the_doctor] == ["docs/operations.md"]


INVOCATIONS = [block for block in BLOCKS if not block.starts_the_api]


@pytest.mark.parametrize("block", [block for block in INVOCATIONS if not block.asks_the_doctor], ids=str)
def test_an_invocation_as_people_type_it_answers_with_a_link(terminal, block):
    status, printed = terminal.run(block.commands)
    assert status == 0, printed
    responses = [line for line in json_lines(printed) if "statusCode" in line]
    assert len(responses) == block.commands.count("sam local invoke"), printed
    assert "ERROR" not in printed
    for response in responses:
        assert response["statusCode"] == 200, printed
        assert_is_a_link(json.loads(response["body"]))


@pytest.mark.parametrize("block", [block for block in INVOCATIONS if block.asks_the_doctor], ids=str)
def test_the_doctor_as_people_type_it_answers_with_a_verdict(terminal, block):
    status, printed = terminal.run(block.commands)
    assert status == 0, printed
    [answer] = [line for line in json_lines(printed) if "checks" in line]
    # Without a network S3 gives no answer, and with one it does not know these credentials.
    assert answer["verdict"] in ("unknown", "does-not-work"), printed
    outcomes = {check["check"]: check["outcome"] for check in answer["checks"]}
    assert (len(outcomes), outcomes["grant"]) == (13, "unknown"), printed
    assert CREDENTIALS["AWS_SESSION_TOKEN"] not in printed


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.starts_the_api], ids=str)
def test_the_api_as_people_type_it_answers_with_a_link(terminal, block):
    [start, *requests] = block.with_a_command_in_each_line()
    assert start.startswith("sam local start-api ") and requests
    with terminal.api(start):
        for request in requests:
            status, printed = terminal.run(request.replace("curl ", "curl --silent --show-error ", 1))
            assert status == 0, printed
            assert_is_a_link(json.loads(printed))
        # One that is not in the documents: a GET, with a query.
        download = "http://127.0.0.1:3000/download?key=private-files/a%20b.pdf"
        status, printed = terminal.run(f"curl --silent --write-out '%{{http_code}} %{{redirect_url}}' '{download}'")
        assert printed.startswith("303 https://my-files.s3.eu-central-1.amazonaws.com/private-files/a%20b.pdf?"), printed


INVOKE = "sam local invoke LinkSigner --event events/http-api/post-links.json --env-vars env.json"

MISSING = {
    "Do you have Docker or Finch installed and running?": (INVOKE, {"DOCKER_HOST": "unix:///nowhere"}),
    "found no credentials and passed a placeholder": (INVOKE, NO_CREDENTIALS),
    "the credentials are a long-term key": (INVOKE, {"AWS_SESSION_TOKEN": None}),
    "Error: unhashable type": ("sam local start-api --env-vars env.json", {}),
}
WITHOUT_A_BUILD = "Runtime.InvalidEntrypoint"


def test_the_documents_explain_exactly_the_messages_that_are_tested():
    assert sorted(documented.sentences_of_sam()) == sorted([*MISSING, WITHOUT_A_BUILD])


@pytest.mark.parametrize("message", MISSING)
def test_what_is_missing_is_said_as_the_documents_have_it(terminal, message):
    typed, variables = MISSING[message]
    _, printed = terminal.run(typed, **variables)
    assert message in printed
    assert "https://my-files" not in printed


def test_without_a_build_the_message_is_the_documents_one(terminal):
    # On a busy machine SAM printed nothing once in some hundred runs. Then it is asked again.
    for _ in range(3):
        _, printed = terminal.run(f"mv .aws-sam built\n{INVOKE} || true\nmv built .aws-sam")
        if WITHOUT_A_BUILD in printed:
            return
    pytest.fail(printed)


def test_a_long_term_key_signs_if_the_settings_allow_it(terminal):
    settings = documented.settings().replace('"SIGNING_ROLE_ARN": ""', '"SIGNING_ROLE_ARN": "", "ALLOW_LONG_TERM_KEYS": "true"')
    typed = f"{settings}\n{INVOKE}".replace("env.json", "allowed.json")
    _, printed = terminal.run(typed, AWS_SESSION_TOKEN=None)
    [response] = [line for line in json_lines(printed) if "statusCode" in line]
    assert json.loads(response["body"])["session"] == {"evidence": "unlimited"}
