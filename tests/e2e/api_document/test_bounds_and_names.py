"""openapi.yaml has every route, field, code and bound of the function, and no other.

Bounds are tried: the value at the bound is understood, and the one beyond it is refused by the field's name. Names are
compared with the sources that define them.
"""

import json
import re
import secrets

import pytest
import schemathesis
from api_document import document
from local_aws import paths
from local_lambda import offline, requests, running

SOURCE = paths.ROOT / "src"
OPENAPI = document.load()
SCHEMAS = OPENAPI["components"]["schemas"]


def read(path):
    return (SOURCE / path).read_text(encoding="utf-8")


def fields():
    """The schema of each field of a request for a link, without `null`."""
    for name, schema in SCHEMAS["LinkRequest"]["properties"].items():
        yield name, document.resolved(OPENAPI, schema.get("anyOf", [schema])[0])


def text_of(name, length):
    """A text of this length that is right for a field in all other respects."""
    start = {"content_type": "a/", "key": "private-files/"}.get(name, "")
    return (start + "a" * length)[:length]


def bounds():
    """The field, the last value within the bound, and the first one beyond it."""
    for name, schema in fields():
        if "minLength" in schema:
            yield name, text_of(name, schema["minLength"]), text_of(name, schema["minLength"] - 1)
            yield name, text_of(name, schema["maxLength"]), text_of(name, schema["maxLength"] + 1)
        if "minimum" in schema:
            yield name, schema["minimum"], schema["minimum"] - 1
            yield name, schema["maximum"], schema["maximum"] + 1
        if "enum" in schema:
            yield from ((name, value, f"{value}x") for value in schema["enum"])


def refusal(response):
    """The detail of a refusal, if the request was not understood."""
    return response.json()["detail"] if response.status == 400 else None


def ask(function, fields, by_query):
    if by_query:
        return function.request(requests.get("/download", {name: str(value) for name, value in fields.items()}))
    return function.request(requests.post("/links", fields))


@pytest.mark.parametrize("by_query", [False, True], ids=["POST /links", "GET /download"])
@pytest.mark.parametrize(("name", "within", "beyond"), list(bounds()), ids=lambda value: str(value)[:20])
def test_a_bound_is_where_the_document_says(functions, name, within, beyond, by_query):
    others = {"key": "private-files/report.pdf"}
    # What else these values need to be understood.
    companions = {
        "min_expires_in": {"expires_in": within},
        "disposition": {"content_type": "image/png"},
    }.get(name, {})
    response = ask(functions(), {**others, **companions, name: within}, by_query)
    assert refusal(response) is None, response.body
    response = ask(functions(), {**others, name: beyond}, by_query)
    assert response.status == 400 and response.json()["code"] == "invalid-request", response.body
    assert response.json()["detail"].startswith(f"{name}:")


def test_a_batch_has_as_many_entries_as_the_document_says(functions):
    links = SCHEMAS["BatchRequest"]["properties"]["links"]
    entry = {"key": "private-files/report.pdf", "expires_in": 60}
    for count in (links["minItems"], links["maxItems"]):
        assert len(functions().batch([entry] * count)) == count
    for count in (links["minItems"] - 1, links["maxItems"] + 1):
        response = functions().request(requests.post("/links/batch", {"links": [entry] * count}))
        assert "links:" in refusal(response)


def test_the_longest_window_and_the_defaults_are_the_document_s(built):
    link = SCHEMAS["Link"]["properties"]
    window = dict(fields())["expires_in"]
    keys = {"AWS_SESSION_TOKEN": None, "ASSUMED_SESSION_SECONDS": None, "ALLOW_LONG_TERM_KEYS": "true"}
    grants = json.dumps([{"bucket": "my-files", "prefix": "private-files/", "principals": ["*"], "region": "us-east-1"}])
    key = {"AWS_SECRET_ACCESS_KEY": secrets.token_hex(20), "GRANTS": grants}
    with running.LocalLambda("api-document-keys", **offline.environment(**keys, **key)) as function:
        longest = function.link(key="private-files/a", expires_in=window["maximum"])
        assert longest["expires_in"] == link["expires_in"]["maximum"]
        answer = function.link(key="private-files/a")
        assert (answer["expires_in"], answer["requested_expires_in"]) == (window["default"], window["default"])
        shortest = dict(fields())["min_expires_in"]["default"]
        assert function.link(key="private-files/a", expires_in=shortest)["expires_in"] == shortest


def test_the_document_is_valid_openapi():
    schemathesis.openapi.from_dict(OPENAPI).validate()


def test_the_routes_are_those_of_the_router_and_of_docs_api():
    routes = set(re.findall(r'Route \{ method: "(\w+)", path: "(\S+)", endpoint: Endpoint', read("api/router.rs").split("#[cfg(test)]")[0]))
    assert {(method, path) for method, path, _ in document.operations(OPENAPI)} == routes
    table = re.findall(r"^\| `(\w+) (/\S*)` \|", document.API.read_text(encoding="utf-8"), re.MULTILINE)
    assert set(table) == routes


def test_the_fields_of_a_request_are_those_of_the_function_and_of_docs_api():
    raw = re.search(r"struct RawLinkRequest \{(.*?)\}", read("api/link_request.rs"), re.DOTALL)[1]
    names = set(re.findall(r"(\w+): Option", raw))
    assert set(SCHEMAS["LinkRequest"]["properties"]) == names
    _, _, download = next(operation for operation in document.operations(OPENAPI) if operation[1] == "/download")
    assert {parameter["name"] for parameter in download["parameters"]} == names
    section = document.API.read_text(encoding="utf-8").split("## One link")[1].split("## Many links")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)) == names


def test_the_fields_of_answers_are_those_of_the_function():
    def serialized(source, name):
        body = re.search(rf"struct {name}(?:<'a>)? \{{(.*?)\n\}}", read(source), re.DOTALL)[1]
        return set(re.findall(r"^    (\w+): ", body, re.MULTILINE))

    link, session = SCHEMAS["Link"]["properties"], SCHEMAS["Session"]["properties"]
    for schema, source, name in [
        (link, "api/link_response.rs", "LinkResponse"),
        (link["session"]["properties"], "api/link_response.rs", "LinkSession"),
        (session, "api/session.rs", "SessionResponse"),
        (session["signer"]["properties"], "api/session.rs", "SignerResponse"),
        (session["session"]["properties"], "api/session.rs", "EvidenceResponse"),
        (session["available"]["properties"], "api/session.rs", "Available"),
    ]:
        assert set(schema) == serialized(source, name), name
    problem = re.findall(r'serialize_entry\(\s*"(\w+)"', read("api/problem.rs"))
    assert set(SCHEMAS["Problem"]["properties"]) == set(problem)


@pytest.mark.parametrize(
    ("schema", "source", "name"),
    [
        (SCHEMAS["LimitedBy"], "window.rs", "LimitedBy"),
        (SCHEMAS["Evidence"], "sessions/mod.rs", "Evidence"),
        (SCHEMAS["Link"]["properties"]["bucket_policy"], "links/bucket_policies.rs", "PolicyReading"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_words_of_answers_are_those_of_the_function(schema, source, name):
    body = re.search(rf"pub(?:\(crate\))? enum {name} \{{(.*?)\n\}}", read(source), re.DOTALL)[1]
    variants = re.findall(r"^    (\w+),$", body, re.MULTILINE)
    assert set(schema["enum"]) == {variant.lower() for variant in variants}


def codes():
    """The statuses of each code, as the document's schema of problems says."""
    found = {}
    for alternative in SCHEMAS["Problem"]["oneOf"]:
        status = alternative["properties"]["status"]
        found[alternative["properties"]["code"]["const"]] = set(status.get("enum", [status.get("const")]))
    return found


def test_the_codes_are_those_of_the_function():
    written = set()
    for source in ("api/problem.rs", "links/error.rs"):
        body = re.search(r"fn code\(&self\) -> &'static str \{(.*?)\n    \}", read(source), re.DOTALL)[1]
        written.update(re.findall(r'"([a-z-]+)"', body))
    assert set(codes()) == written


def test_the_codes_and_their_statuses_are_those_of_docs_api():
    section = document.API.read_text(encoding="utf-8").split("## Problems")[1].split("## Settings")[0]
    rows = re.findall(r"^\| `([a-z-]+)` \| ([\d, ]+) \|", section, re.MULTILINE)
    assert codes() == {code: set(map(int, statuses.split(","))) for code, statuses in rows}


def test_each_code_is_in_the_description_of_an_answer_with_its_status():
    described = {}
    statuses = {"NoSuchRoute": [404], "MethodNotAllowed": [405]}
    for _, _, operation in document.operations(OPENAPI):
        for status, response in operation["responses"].items():
            if "$ref" in response:
                statuses.setdefault(response["$ref"].rpartition("/")[2], []).append(int(status))
    for name, response in OPENAPI["components"]["responses"].items():
        problem = response["content"].get("application/problem+json")
        if problem:
            for code in problem["schema"]["allOf"][1]["properties"]["code"]["enum"]:
                described.setdefault(code, set()).update(statuses[name])
    assert described == codes()
