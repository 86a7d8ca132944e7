"""Thousands of requests that schemathesis makes from openapi.yaml, sent to the built function through an HTTP API.

Every answer must be one that the document has for that operation, with its content type, headers and body; none may be
a failure of the server. What the document allows must be understood, and what it forbids must be refused. The requests
are the same in every run. Most of those about shares are about real ones, in every state.
"""

import itertools

import jsonschema_rs
import schemathesis
from api_document import document
from hypothesis import HealthCheck, Phase, settings
from local_lambda import requests
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks

OPENAPI = document.closed()
schema = schemathesis.openapi.from_dict(OPENAPI)
about_shares = schema.include(path_regex="^/s(hares)?(/|$)")
about_links = schema.exclude(path_regex="^/s(hares)?(/|$)")


def examples_of_each_operation(count):
    """Makes the same examples in every run."""
    return settings(
        max_examples=count,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )


CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.unsupported_method,
    checks.allow_header_conformance,
]

# What JSON Schema can't say. The function says it in these words.
SAID_IN_PROSE = (
    # Lengths count bytes, and JSON Schema counts characters.
    "bytes",
    # JSON Schema counts 60.0 among the integers.
    "floating point",
    # One field depends on another one.
    "is more than expires_in",
    "use 1 to expires_in",
    "needs a content_type",
    "could run script",
    "JavaScript",
    # A cursor is what the page before said.
    "cursor:",
    # A change that changes nothing, such as {"unlock": false}.
    "nothing to change",
    # Which fields an upload needs depends on its step.
    "missing",
    "both",
    "an empty file",
    "a form",
    "forms",
    "use a media type",
    "is there in two cases",
    "one request uploads",
    "no checksum before its parts",
    "with the request that begins",
    "partNumber",
)

BATCH = "POST /links/batch"
PRESS = "POST /s/{token}"
# A batch says for each entry what is wrong with it, and a press ignores fields that it does not know.
ACCEPTS_MORE = (BATCH, PRESS)
LINK_REQUEST = jsonschema_rs.Draft202012Validator(
    {"$ref": "#/components/schemas/LinkRequest", "components": OPENAPI["components"]}
)


# How to go on from one case to the next.
SITUATIONS = itertools.cycle(("never-was", None, "right-passcode", None, "used-up", "locked", None, "ended", "withdrawn"))
MEDIA_TYPES = itertools.cycle(("application/json", "text/html", "*/*"))


def make_real(case, http_api):
    """Let a case that conforms to the document be about a file or a share that exists."""
    if case.path == "/shares" and isinstance(case.body, dict):
        case.body = {**case.body, "key": "private-files/report.pdf", "bucket": None, "version_id": None}
    elif case.path_parameters:
        share_id, token = http_api.shares.as_in(next(SITUATIONS), http_api.owner)
        case.path_parameters = {name: {"share_id": share_id, "token": token}[name] for name in case.path_parameters}
        case.headers["Accept"] = next(MEDIA_TYPES)


def assert_understood(problem):
    """A problem whose request conforms to the document. It may be invalid only for a reason that is told in prose."""
    if problem.get("code") == "invalid-request":
        assert any(reason in problem["detail"] for reason in SAID_IN_PROSE), problem


@about_links.parametrize()
@examples_of_each_operation(150)
def test_every_answer_about_links_conforms_to_the_document(case, http_api):
    assert_conforms(case, http_api)


@about_shares.parametrize()
@examples_of_each_operation(60)
def test_every_answer_about_shares_conforms_to_the_document(case, http_api):
    if case.meta.generation.mode == GenerationMode.POSITIVE:
        make_real(case, http_api)
    assert_conforms(case, http_api)


def assert_conforms(case, http_api):
    response = case.call(base_url=http_api.url, headers={"Authorization": f"Bearer {http_api.token}"})
    is_batch = case.operation.label == BATCH
    accepts_more = case.operation.label in ACCEPTS_MORE
    case.validate_response(response, checks=CHECKS + [checks.negative_data_rejection] * (not accepts_more))
    if checks.is_unexpected_http_status_case(case):
        return
    if is_batch and response.status_code == 200:
        for entry, answer in zip(case.body["links"], response.json()["links"], strict=True):
            if LINK_REQUEST.is_valid(entry):
                assert_understood(answer)
            else:
                assert answer.get("code") == "invalid-request", (entry, answer)
    elif case.meta.generation.mode == GenerationMode.POSITIVE and response.status_code == 400:
        assert_understood(response.json())


def test_without_a_token_the_gateway_answers_as_the_document_says(http_api):
    for operation in schema.get_all_operations():
        if operation.ok().definition.raw.get("security") == []:
            continue
        path = {"path_parameters": {"share_id": requests.SHARE_ID}} if "{" in operation.ok().path else {}
        body = {"body": {"key": "private-files/a"}} if operation.ok().body else {}
        case = operation.ok().Case(**path, **body)
        response = case.call(base_url=http_api.url, headers={"Authorization": "Bearer of-nobody"})
        assert response.status_code == 401
        case.validate_response(response, checks=CHECKS)
