"""Tests of the search for secrets in logs: it finds what a log must not contain, and nothing else."""

import base64
import html
import json

import pytest
from local_lambda import requests, secrecy

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"


@pytest.mark.parametrize(
    "line",
    [
        "https://b.s3.amazonaws.com/k?x-id=GetObject&x-link-id=1",
        "…&X-Amz-Signature=00",
        "x-amz-security-token: 00",
        "signature 9bc1cecb9d4fbd48335424ec3262df3b3fdf50a4cfc76223e18bbea3c92c929e, it says",
        'token "eyJhbGciOiJFUzM4NCJ9.eyJpYXQiOjE3NzY5ODAwNzV9.c2ln"',
        f"key {SECRET}.",
        "key wJalrXUtnFEMI%2FK7MDENG%2BbPxRfiCYEXAMPLEKEY",
        'GET "https://files.example.com/s/8QmEXAMPLEEXAMPLEEXAMPLEEXA"',
        "path=%2Fs%2F8QmEXAMPLEEXAMPLEEXAMPLEEXA",
        "theme=dark; press=c00kieEXAMPLEEXAMPLEEXAMPLQ",
    ],
)
def test_links_signatures_tokens_and_keys_are_found(line):
    assert secrecy.leaks(f"before\n{line}\nafter", [SECRET])


PASSCODE = 'correct "horse" & bättery'
ENCODERS = {
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64url": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    "hexadecimal": lambda text: text.encode().hex(),
    "JSON": json.dumps,
    "HTML": html.escape,
    "a URL": secrecy.quote,
    "a form": secrecy.quote_plus,
}


@pytest.mark.parametrize("secret", [SECRET, PASSCODE])
@pytest.mark.parametrize("around", ["", "a", "ab"], ids=len)
@pytest.mark.parametrize("encoder", ENCODERS)
def test_an_encoded_secret_is_found_whatever_is_encoded_with_it(encoder, around, secret):
    assert secrecy.secrets_in(f"x {ENCODERS[encoder](around + secret + around)} y", [secret])
    other = secret[::-1]
    assert not secrecy.secrets_in(f"x {ENCODERS[encoder](around + other + around)} y", [secret])


@pytest.mark.parametrize("part", [slice(0, 18), slice(9, 27), slice(22, None)], ids=str)
def test_a_part_of_a_secret_is_found(part):
    assert secrecy.secrets_in(f"it begins with {SECRET[part]}…", [SECRET])


def test_a_share_s_id_and_the_route_of_its_address_are_no_secrets():
    line = "share opened pXkEXAMPLEEXAMPLEEXAMPLEEXAMPLEEXAMPLEEXAM8 GET /s/{token} 0d5e6c1a-7f43-4f0e-9a52-2b8f1c9d3e47"
    assert not secrecy.leaks(line, [SECRET])


def test_the_description_of_a_found_secret_does_not_contain_it():
    assert SECRET not in str(secrecy.leaks(SECRET, [SECRET]))


def test_a_real_link_is_found(function):
    assert secrecy.leaks(function.link(key="private-files/a")["url"])


def test_the_log_of_a_link_contains_no_secret_and_says_who_got_which_object(function):
    link = function.link(key="private-files/logged.txt")
    line, metrics = function.log_entries()[-2:]
    assert (line["link_id"], line["principal"]) == (link["link_id"], requests.PRINCIPAL)
    assert (line["bucket"], line["key"]) == (link["bucket"], link["key"])
    assert (line["expires_in"], line["limited_by"], line["evidence"]) == (3600, "request", "assumed")
    assert metrics["LinksSigned"] == 1 and metrics["RequestId"] == line["request_id"]
    assert not secrecy.leaks(function.log_text())
