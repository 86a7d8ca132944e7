"""openapi.yaml as data, its examples in pairs, and the requests and answers that docs/reference.md shows."""

import copy
import json
import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

import yaml
from local_aws import paths

OPENAPI = paths.ROOT / "openapi.yaml"
REFERENCE = paths.ROOT / "docs" / "reference.md"

# API Gateway's own answers, which the function does not give.
OF_THE_GATEWAY = "gateway-refuses"

BLOCK = re.compile(r"^```(?:json|sh)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
REQUEST_LINE = re.compile(r"(GET|POST) (/\S*)\n+")


@dataclass(frozen=True)
class Example:
    """A request of a document, and the answer beside it. `answer` is the JSON body; of a redirect, its location.

    The path has its parameters in braces. `sent_as` is the media type of the body.
    """

    name: str
    method: str
    path: str
    query: tuple
    body: object
    status: int
    answer: object
    sent_as: str = "application/json"

    def __str__(self):
        return f"{self.method} {self.path} {self.name}"


def reference():
    """The text of docs/reference.md."""
    return REFERENCE.read_text(encoding="utf-8")


def section(heading, end):
    """What stands in docs/reference.md between two headings, which are given with their marks."""
    [_, rest] = reference().split(f"\n{heading}\n")
    [found, _] = rest.split(f"\n{end}\n")
    return found


def load():
    """openapi.yaml."""
    return yaml.safe_load(OPENAPI.read_text(encoding="utf-8"))


def closed():
    """openapi.yaml, in which no object of an answer has other fields than the named ones.

    The document itself leaves answers open, so that clients accept new fields. The tests must not.
    """
    document = copy.deepcopy(load())
    close(document["components"]["schemas"])
    return document


def close(node):
    """Close every object schema that lists properties and is not part of another schema's `oneOf` or `allOf`."""
    if isinstance(node, list):
        for item in node:
            close(item)
    elif isinstance(node, dict):
        if "properties" in node and "object" in node.get("type", []):
            node.setdefault("additionalProperties", False)
        for name, value in node.items():
            if name not in ("oneOf", "allOf", "required", "description"):
                close(value)


def resolved(document, node):
    """A node of the document, or what it refers to."""
    while "$ref" in node:
        target = document
        for step in node["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        node = target
    return node


def operations(document):
    """The method, the path and the description of each operation."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def requests_of(operation):
    """The query, the body and its media type of each request example of an operation, by its name.

    Parameters of the path are left out: the tests put in those of a share that is as the example needs it.
    """
    found = {}
    for parameter in operation.get("parameters", []):
        for name, example in parameter.get("examples", {}).items():
            query, _, _ = found.setdefault(name, ([], None, None))
            if parameter["in"] == "query":
                query.append((parameter["name"], example["value"]))
    for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
        for name, example in content.get("examples", {}).items():
            assert name not in found, f"two requests are named {name}"
            found[name] = ([], example["value"], media_type)
    return found


def answers_of(document, operation):
    """The status and the answer of each answer example of an operation, by its name."""
    found = {}
    for status, response in operation["responses"].items():
        response = resolved(document, response)
        for content in response.get("content", {}).values():
            for name, example in content.get("examples", {}).items():
                assert name not in found or name == OF_THE_GATEWAY, f"two answers are named {name}"
                found[name] = (int(status), example["value"])
        for name, example in response.get("headers", {}).get("Location", {}).get("examples", {}).items():
            found[name] = (int(status), example["value"])
    found.pop(OF_THE_GATEWAY, None)
    return found


def examples(document):
    """The request examples of openapi.yaml, each with the answer example of the same name.

    An operation without parameters and body has one request, so each of its answers goes with that one.
    """
    found = []
    for method, path, operation in operations(document):
        asked, answers = requests_of(operation), answers_of(document, operation)
        if "parameters" not in operation and "requestBody" not in operation:
            own = {name: answer for name, answer in answers.items() if answer[0] < 300}
            asked = dict.fromkeys(own, ([], None, None))
        for name, (query, body, sent_as) in asked.items():
            if name not in answers and "204" in operation["responses"]:
                answers[name] = (204, None)
            assert name in answers, f"{method} {path}: the example {name} has no answer"
            found.append(Example(name, method, path, tuple(query), body, *answers[name], sent_as))
    return found


def shown(text):
    """The requests that a document shows as `POST /links` and a body, each with the JSON that follows.

    `{"links": [ … ]}` and the location of a redirect are told in prose. Such a request has no answer here.
    """
    found = []
    for block in BLOCK.findall(text):
        request = REQUEST_LINE.match(block)
        if request is None:
            if found and found[-1].answer is None and block.startswith('{"url"'):
                last = found.pop()
                status = 201 if last.path in ("/shares", "/uploads") else 200
                found.append(Example(last.name, last.method, last.path, last.query, last.body, status, json.loads(block)))
            continue
        parts = urlsplit(request[2])
        rest = block[request.end() :]
        sent, answer = (json.loads(rest), None) if request[1] == "POST" else (None, json.loads(rest) if rest else None)
        found.append(Example("shown", request[1], parts.path, tuple(parse_qsl(parts.query)), sent, 200, answer))
    return found
