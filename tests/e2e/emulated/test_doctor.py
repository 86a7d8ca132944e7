"""The function's result for every event in events/doctor/, where AWS refuses every call.

The Rust tests in tests/function/links/doctor.rs cover every outcome of every check.
"""

import json

import pytest
from local_lambda import requests

# The verdict, or what is wrong with the question.
EXPECTED = {
    "doctor/report": "does-not-work",
    "doctor/version-for-a-principal": "does-not-work",
    "doctor/upload": "does-not-work",
    "doctor/malformed": 'doctor has the unknown field "object". Send {"doctor": {"key": ',
}


def test_every_question_in_events_is_tested():
    assert sorted(EXPECTED) == [name for name in requests.fixtures() if name.startswith(requests.DOCTOR_EVENTS)]


@pytest.mark.parametrize("name", ["doctor/report", "doctor/version-for-a-principal"])
def test_a_question_is_answered_with_a_verdict_and_checks(isolated_function, name):
    diagnosis = isolated_function.invoke(requests.fixture(name))
    assert (diagnosis["verdict"], diagnosis["key"]) == (EXPECTED[name], "private-files/report.pdf")
    outcomes = {check["check"]: check["outcome"] for check in diagnosis["checks"]}
    assert outcomes["object"] == "refuses"
    assert outcomes["lifecycle"] == "unknown"
    assert len(outcomes) == 13
    assert "X-Amz-" not in json.dumps(diagnosis)


def test_where_uploads_are_off_the_answer_about_one_says_what_to_set(isolated_function):
    diagnosis = isolated_function.invoke(requests.fixture("doctor/upload"))
    assert (diagnosis["verdict"], diagnosis["action"]) == (EXPECTED["doctor/upload"], "put")
    checks = {check["check"]: check for check in diagnosis["checks"]}
    assert checks["signer"]["outcome"] == checks["grant"]["outcome"] == "refuses"
    assert "UPLOAD_ROLE_ARN is not set" in checks["signer"]["sentence"]


def test_a_malformed_question_fails_the_invocation_and_says_what_to_send(isolated_function):
    failure = isolated_function.invoke(requests.fixture("doctor/malformed"))
    assert failure["errorType"] == "MalformedQuestion"
    assert failure["errorMessage"].startswith(EXPECTED["doctor/malformed"])
