"""Every request that openapi.yaml and docs/reference.md show is answered as they show it.

Two answers are not shown, because nothing on this machine makes the function give them: `internal`, and 504 `upstream`.
API Gateway's own answers are not the function's. The pages of shares are not shown, because people read them.
"""

import json
from urllib.parse import urlencode

import pytest
from api_document import document
from api_document.likeness import differences
from local_aws import paths
from local_lambda import requests

EXAMPLES = document.examples(document.load())
SHOWN = document.shown(document.reference())

PRINCIPALS = {
    # A caller whom the gateway let through without a name.
    "nobody-signed-in": None,
    # An owner of one share.
    "one-page": "arn:aws:iam::123456789012:user/carol",
}


def ask(function, example, shares):
    principal = PRINCIPALS.get(example.name, requests.PRINCIPAL)
    path = example.path
    if "{" in path or example.name == "one-page":
        share_id, token = shares.as_in(example.name, principal)
        path = path.replace("{share_id}", share_id).replace("{token}", token)
    if path.startswith("/s/"):
        if example.method == "POST":
            return function.request(requests.press(token, example.body, example.sent_as))
        return function.request(requests.about_share("http-api/get-share-page-json", token))
    body = None if example.body is None else json.dumps(example.body)
    return function.request(requests.request(example.method, path, urlencode(example.query), body, principal))


def answer_of(response):
    """What the documents show of an answer: the body, or where a redirect leads."""
    if response.status == 204:
        return None
    return response.headers["location"] if response.status == 303 else response.json()


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_an_example_of_openapi_is_answered_as_it_stands_there(functions, shares, example):
    response = ask(functions(example.name), example, shares)
    assert response.status == example.status, response.body
    assert not differences(example.answer, answer_of(response))


def test_every_answer_of_openapi_belongs_to_a_request(openapi):
    used = {(example.status, example.name) for example in EXAMPLES}
    for _, _, operation in document.operations(openapi):
        own = {name for name in document.requests_of(operation)} or {e.name for e in EXAMPLES if e.path == "/session"}
        for name, (status, _) in document.answers_of(openapi, operation).items():
            # Operations share their answers' descriptions, and not all of them can ask for each of these.
            assert (status, name) in used or name in own, (status, name)


def test_the_reference_shows_requests_of_every_route(openapi):
    """But for those that it describes in prose."""
    in_prose = {("GET", "/download"), ("GET", "/shares")}
    assert {(shown.method, shown.path) for shown in SHOWN} == {
        (method, path) for method, path, _ in document.operations(openapi) if "{" not in path
    } - in_prose


@pytest.mark.parametrize("example", SHOWN, ids=str)
def test_a_request_of_the_reference_is_answered_as_it_is_shown(functions, shares, example):
    response = ask(functions("attested-session" if example.path == "/session" else None), example, shares)
    assert response.status == example.status, response.body
    if example.answer is not None:
        assert not differences(example.answer, answer_of(response))
    elif example.path == "/links/batch":
        # "The response is {"links": [ … ]}: for each entry, in the same order, a link as above or a problem."
        assert list(response.json()) == ["links"]
        keys = [link.get("key") for link in response.json()["links"]]
        assert keys == [entry["key"] for entry in example.body["links"]]


def test_the_redirect_of_the_reference_is_followed_to_the_file(functions):
    [target] = [text for text in document.reference().split("`") if text.startswith("GET /download?")]
    path, _, query = target.removeprefix("GET ").partition("?")
    response = functions().request(requests.get(path, query))
    assert response.status == 303, response.body
    assert "/private-files/report.pdf?" in response.headers["location"]


def test_the_request_and_its_answer_in_the_readme_are_those_in_the_reference():
    text = (paths.ROOT / "README.md").read_text(encoding="utf-8")
    [answer] = [json.loads(block) for block in document.BLOCK.findall(text) if block.startswith('{"url"')]
    [shown] = [example for example in SHOWN if example.path == "/links"]
    assert answer == shown.answer
    assert document.shown(text) == [shown]
