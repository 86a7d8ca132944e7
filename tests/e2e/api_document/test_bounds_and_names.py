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
RULES = paths.ROOT / "crates/link-rules/src"
OPENAPI = document.load()
SCHEMAS = OPENAPI["components"]["schemas"]


def read(path):
    return (SOURCE / path).read_text(encoding="utf-8")


def fields(request="LinkRequest"):
    """The schema of each field of a request, without `null`."""
    for name, schema in SCHEMAS[request]["properties"].items():
        yield name, document.resolved(OPENAPI, schema.get("anyOf", [schema])[0])


def text_of(name, length):
    """A text of this length that is right for a field in all other respects."""
    start = {"content_type": "a/", "key": "private-files/"}.get(name, "")
    return (start + "a" * length)[:length]


def bounds(fields):
    """The field, the last value within the bound, and the first one beyond it."""
    for name, schema in fields:
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
@pytest.mark.parametrize(("name", "within", "beyond"), list(bounds(fields())), ids=lambda value: str(value)[:20])
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


def assert_refused_by_its_name(response, name):
    assert response.status == 400 and response.json()["code"] == "invalid-request", response.body
    assert response.json()["detail"].startswith(f"{name}:")


@pytest.mark.parametrize(("name", "within", "beyond"), list(bounds(fields("ShareRequest"))), ids=lambda value: str(value)[:20])
def test_a_bound_of_a_new_share_is_where_the_document_says(functions, shares, name, within, beyond):
    others = {"key": "private-files/report.pdf"}
    companions = {
        "min_expires_in": {"expires_in": max(within, 60) if isinstance(within, int) else None},
        "disposition": {"content_type": "image/png"},
    }.get(name, {})
    response = functions().request(requests.post("/shares", {**others, **companions, name: within}))
    assert refusal(response) is None, response.body
    assert_refused_by_its_name(functions().request(requests.post("/shares", {**others, name: beyond})), name)


@pytest.mark.parametrize(("name", "within", "beyond"), list(bounds(fields("ShareChange"))), ids=lambda value: str(value)[:20])
def test_a_bound_of_a_change_is_where_the_document_says(functions, shares, name, within, beyond):
    share_id, _ = shares.make(requests.PRINCIPAL)

    def change(value):
        return functions().request(requests.request("PATCH", f"/shares/{share_id}", body=json.dumps({name: value})))

    assert change(within).status == 200
    assert_refused_by_its_name(change(beyond), name)


def test_a_page_of_shares_has_as_many_as_the_document_says(functions):
    _, _, operation = next(o for o in document.operations(OPENAPI) if o[:2] == ("GET", "/shares"))
    limits = [(p["name"], p["schema"]) for p in operation["parameters"] if p["name"] == "limit"]
    limits = list(bounds(limits))
    assert limits
    for name, within, beyond in limits:
        assert functions().request(requests.get("/shares", {name: within})).status == 200
        assert_refused_by_its_name(functions().request(requests.get("/shares", {name: beyond})), name)


def test_the_shortest_and_the_longest_life_and_the_defaults_of_a_share_are_the_document_s(functions):
    window, life = dict(fields("ShareRequest"))["expires_in"], SCHEMAS["Share"]["properties"]["expires_in"]

    def made(function, **more):
        answer = function.request(requests.post("/shares", {"key": "private-files/report.pdf", **more})).json()
        return answer["expires_in"], answer["limited_by"], answer["max_downloads"]

    assert made(functions()) == (window["default"], "request", None)
    assert made(functions(), expires_in=window["minimum"]) == (window["minimum"], "request", None)
    assert made(functions("longest-shares"), expires_in=window["maximum"]) == (life["maximum"], "grant", None)


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


def test_the_routes_are_those_of_the_router_and_of_the_reference():
    routes = set(re.findall(r'Row \{\s+method: "(\w+)",\s+path: "(\S+)",\s+target: ', read("api/router.rs").split("#[cfg(test)]")[0]))
    assert {(method, path) for method, path, _ in document.operations(OPENAPI)} == routes
    table = re.findall(r"^\| `(\w+) (/\S*)` \|", document.reference(), re.MULTILINE)
    assert set(table) == routes


def test_the_facts_of_a_share_are_those_of_the_reference():
    [facts] = re.findall(r"^The facts: (.*?)\. ", document.reference(), re.MULTILINE)
    assert set(SCHEMAS["ShareFacts"]["properties"]) == set(re.findall(r"`(\w+)`", facts))


def test_the_states_of_a_share_are_those_of_the_function_and_of_the_reference():
    body = re.search(r"fn as_str\(self\) -> &'static str \{(.*?)\n    \}", read("shares/state.rs"), re.DOTALL)[1]
    states = set(re.findall(r'"(\w+)"', body))
    assert set(SCHEMAS["ShareState"]["enum"]) == states
    [listed] = re.findall(r"^`state` is (.*?) \(", document.reference(), re.MULTILINE)
    assert set(re.findall(r"`(\w+)`", listed)) == states
    assert SCHEMAS["ShareFacts"]["properties"]["state"]["const"] == "active"
    assert set(SCHEMAS["Problem"]["properties"]["state"]["enum"]) == states - {"active"}


def test_the_forms_of_a_share_s_secrets_are_the_function_s(shares):
    for _ in range(20):
        share_id, token = shares.make(requests.PRINCIPAL)
        assert re.fullmatch(SCHEMAS["ShareId"]["pattern"], share_id)
        assert re.fullmatch(SCHEMAS["ShareToken"]["pattern"], token)


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
        (SCHEMAS["ShareList"]["properties"], "api/shares.rs", "ListResponse"),
        (SCHEMAS["ShareFacts"]["properties"], "api/share_address.rs", "FactsResponse"),
        (SCHEMAS["Upload"]["properties"]["multipart"]["properties"], "api/uploads.rs", "Multipart"),
        (SCHEMAS["Upload"]["properties"]["session"]["properties"], "api/link_response.rs", "LinkSession"),
    ]:
        assert set(schema) == serialized(source, name), name
    made = serialized("api/shares.rs", "MadeResponse") - {"share"}
    assert set(SCHEMAS["Share"]["properties"]) == serialized("api/shares.rs", "ShareResponse") | made
    upload = {"partNumber" if name == "part_number" else name for name in serialized("api/uploads.rs", "UploadResponse")}
    assert set(SCHEMAS["Upload"]["properties"]) == upload
    problem = re.findall(r'serialize_entry\(\s*"(\w+)"', read("api/problem.rs"))
    assert set(SCHEMAS["Problem"]["properties"]) == set(problem)


@pytest.mark.parametrize(
    ("schema", "source", "name"),
    [
        (SCHEMAS["LimitedBy"], "../crates/link-rules/src/window.rs", "LimitedBy"),
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


def test_the_codes_and_their_statuses_are_those_of_the_function():
    table = (RULES / "problem.rs").read_text(encoding="utf-8").split("\nproblems! {")[1].split("\n}")[0]
    written = {}
    for status, code in re.findall(r'^    \w+: (\d{3}) "([a-z-]+)"', table, re.MULTILINE):
        written.setdefault(code, set()).add(int(status))
    assert codes() == written


def test_the_codes_and_their_statuses_are_those_of_the_reference():
    section = document.section("## Problems", "## Grants")
    rows = re.findall(r"^\| ([`a-z, -]+) \| ([\d, ]+) \|", section, re.MULTILINE)
    told = {code: set(map(int, statuses.split(","))) for names, statuses in rows for code in re.findall("`([a-z-]+)`", names)}
    assert codes() == told
    # Such as "409 `window-too-short`".
    named = re.findall(r"\b(\d{3}) `([a-z-]+)`", document.reference())
    assert named
    for status, code in named:
        assert int(status) in told[code], code


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
