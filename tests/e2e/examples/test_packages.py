"""The packages of the examples have exact versions, and those of npm the hashes of their archives."""

import json
import re

import pytest
from examples.language import Node, Python, Uppy


def test_each_python_package_is_pinned():
    lines = (Python().source / "requirements.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert [pin for pin in pins if not re.fullmatch(r"[\w-]+==[\w.]+", pin)] == []
    assert any(pin.startswith("boto3==") for pin in pins)


@pytest.mark.parametrize("language", [Node, Uppy])
def test_each_npm_package_is_pinned(language):
    source = language().source
    wanted = json.loads((source / "package.json").read_text(encoding="utf-8"))["dependencies"]
    locked = json.loads((source / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in wanted.values()), wanted
    assert locked.pop("")["dependencies"] == wanted
    assert [name for name, package in locked.items() if not package["integrity"].startswith("sha512-")] == []
