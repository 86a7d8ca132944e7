"""Tests of `make run` and `make demo`: the demo works, and its sentence about the promise is right."""

import json
import shlex
import subprocess
from datetime import datetime, timezone

import pytest
from local_aws import api_client, commands, custom_domain, demo, doctor_demo, promise, share_demo

# The time at which the sentence is written.
NOW = datetime(2026, 11, 23, 13, 5, 17, tzinfo=timezone.utc)


@pytest.fixture(scope="module")
def shown(aws):
    """The result of the demo, which has a stack of its own."""
    with custom_domain.CustomDomain() as domain:
        yield demo.show(aws, domain, demo.Steps(), stack="demo")


def test_the_demo_downloads_the_file(shown, aws):
    assert (aws.directory / "downloaded.txt").read_bytes() == demo.CONTENT


def test_the_demo_presses_the_button_of_a_share_and_leaves_its_address_open(shown, aws):
    _, _, address = shown
    assert address.startswith("http://127.0.0.1:")
    [file] = (aws.directory / "downloaded-by-share").iterdir()
    assert file.read_bytes() == demo.CONTENT
    assert share_demo.read_page(address).splitlines()[1:4] == ["Résumé 2026.txt", f"{len(demo.CONTENT)} bytes", "[Download]"]
    facts = api_client.send("GET", address, headers={"Accept": "application/json"}).json()
    assert facts["downloads_left"] == share_demo.MAX_DOWNLOADS - 1


def test_the_share_in_the_demo_s_mail_saves_the_file_under_its_name(shown, aws):
    [file] = (aws.directory / "downloaded-by-mail").iterdir()
    assert (f"private-files/{file.name}", file.read_bytes()) == (demo.NEW_KEY, demo.CONTENT)


def test_if_a_button_can_not_be_pressed_the_failure_names_the_reason(aws):
    with pytest.raises(commands.Failure, match="curl could not press the button: .*40[45]"):
        share_demo.press(f"{aws.url}/no-such-bucket/no-such-file", aws.directory / "no-downloads")


def test_the_printed_curl_line_gets_a_link(shown):
    deployment, caller, _ = shown
    done = subprocess.run(
        [*shlex.split(demo.curl_line(deployment, caller)), "--silent", "--show-error"], capture_output=True, text=True, check=False
    )
    if "--aws-sigv4" in done.stderr:
        pytest.skip("this curl is older than 7.75 and can't sign")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["key"] == demo.KEY


def test_the_demo_user_may_only_call_the_api(shown, aws):
    _, caller, _ = shown
    keys = {"AccessKeyId": caller.access_key_id, "SecretAccessKey": caller.secret_access_key}
    with pytest.raises(Exception, match="AccessDenied"):
        aws.client("s3", keys).list_buckets()


def test_what_the_doctor_says_is_shown_in_a_few_lines():
    answer = {
        "verdict": "works-for-some",
        "key": "private-files/a.txt",
        "checks": [
            {"check": "signer", "outcome": "ok", "sentence": "Somebody signs."},
            {"check": "object", "outcome": "ok", "sentence": "It opens."},
            {"check": "bucket-policy", "outcome": "depends", "sentence": "It refuses whoever is outside. " * 4},
            {"check": "window", "outcome": "limits", "sentence": "It works for 595 s."},
        ],
    }
    lines = doctor_demo.as_text(answer).splitlines()
    assert lines[0] == "private-files/a.txt: works-for-some"
    assert lines[1] == "  ok       object         It opens."
    assert lines[-1] == "  limits   window         It works for 595 s."
    assert len(lines) == 5 and max(map(len, lines)) <= 120


def test_if_a_link_does_not_open_the_failure_names_the_reason(aws):
    with pytest.raises(commands.Failure, match="curl could not open the link: .*404"):
        demo.download(f"{aws.url}/no-such-bucket/no-such-file", aws.directory)


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        (
            {},
            "this link works until 14:05:12 UTC, 59 min 55 s from now; the session that signed it ends at "
            "14:05:17 UTC, proven by STS, which stated it when the function assumed its role to sign with.",
        ),
        (
            {"expires_at": "2026-11-24T13:05:17Z"},
            "this link works until 13:05:17 UTC on Tuesday 24 November 2026, 1 d 0 h from now; the session that "
            "signed it ends at 14:05:17 UTC, proven by STS, which stated it when the function assumed its role to "
            "sign with.",
        ),
        (
            {"session": {"evidence": "assumed", "expires_at": "2026-11-23T14:05:17Z"}, "proven": False},
            "this link works until 14:05:12 UTC, 59 min 55 s from now, if the session that signed it lasts: "
            "that is assumed, not proven (assumed).",
        ),
        (
            {"session": {"evidence": "unlimited", "expires_at": None}},
            "this link works until 14:05:12 UTC, 59 min 55 s from now; it was signed with a long-term key, "
            "which no session ends.",
        ),
    ],
    ids=["proven", "on another day", "assumed", "long-term key"],
)
def test_the_sentence_says_what_is_promised_and_what_proves_it(changed, sentence):
    link = {
        "expires_at": "2026-11-23T14:05:12Z",
        "session": {"evidence": "minted", "expires_at": "2026-11-23T14:05:17Z"},
        "proven": True,
        **changed,
    }
    assert promise.describe(link, NOW) == sentence
