"""A mail as a recipient's program shows it: checked with axe-core, on a phone, light and dark.

Each mail is also written to target/mail-pages/ as pictures, to be looked at.
"""

import email
import email.policy
import json

import pytest
from bare_lambda import requests
from bare_lambda.process import Process
from fake_aws import FakeAws
from local_aws import paths

PICTURES = paths.TARGET / "mail-pages"
PHONE, DESKTOP = 320, 1280
KEY = "private-files/Quarterly report – third quarter 2026.pdf"
LONG = "private-files/" + "a_name_without_any_space_that_a_line_could_break_at_" * 4 + ".tar.gz"
ADDRESS = "files-of-the-reporting-department@notifications.example.com"
RECIPIENT = "alice.with.quite.a.long.name@department.of.others.example.com"

# What axe-core asks of whole pages. A mail program shows the mail within a page of its own.
OF_PAGES = {
    "incomplete: bypass",
    "violations: landmark-one-main",
    "violations: page-has-heading-one",
    "violations: region",
}

# The sender, the file's key and what the grant lets a mail bring.
MAILS = {
    "link": (f"Example & Sons <{ADDRESS}>", KEY, "get"),
    "link-without-a-name": (ADDRESS, LONG, "get"),
    "share": (f"Example & Sons <{ADDRESS}>", KEY, "share"),
    "share-without-a-name": (ADDRESS, KEY, "share"),
}


def mailed(sender, key, action):
    """The HTML of the mail about an object."""
    event = json.loads((paths.ROOT / "events" / "s3" / "object-created-put.json").read_text(encoding="utf-8"))
    record = event["Records"][0]["s3"]
    record["bucket"]["name"], record["object"]["key"] = requests.BUCKET, key
    grant = {"bucket": requests.BUCKET, "prefix": "private-files/", "region": requests.REGION, "actions": [action]}
    with FakeAws() as aws:
        aws.put_all_objects(requests.BUCKET, size=1_250_000)
        dynamodb, s3, ses = aws.endpoints(3)
        variables = requests.environment(
            AWS_ENDPOINT_URL_DYNAMODB=dynamodb,
            AWS_ENDPOINT_URL_S3=s3,
            AWS_ENDPOINT_URL_SESV2=ses,
            GRANTS=json.dumps([{**grant, "principals": ["s3-event"]}]),
            SHARES_TABLE="shares",
            PUBLIC_URL="https://files.example.com",
            MAIL_FROM=sender,
            MAIL_TO=RECIPIENT,
            MAIL_ALLOWED_RECIPIENTS="*@*.example.com",
            MAIL_TABLE="mails",
        )
        with Process([paths.BOOTSTRAP], variables) as process:
            process.api.wait_for_next()
            process.invoke(json.dumps(event).encode())
        [mail] = aws.mails()
    return email.message_from_bytes(mail, policy=email.policy.default).get_body(("html",)).get_content()


@pytest.mark.parametrize("name", MAILS)
def test_each_mail_is_readable_on_every_screen(built, tab, axe_core, tmp_path, name):
    sender, key, action = MAILS[name]
    page = tmp_path / "mail.html"
    page.write_text(mailed(sender, key, action), encoding="utf-8")
    tab.open(page.as_uri())
    shown = tab.evaluate("document.body.innerText")
    sender = sender.split(" <")[0]
    assert f"{sender} sent you a file" in shown and f"{sender} mails its link." in shown
    assert f"a file arrived that is for {RECIPIENT}." in shown
    assert "After that, ask whoever the file is from for a new link." in shown
    host = tab.evaluate("new URL(document.querySelector('a').href).host")
    assert f"The button leads to {host}" in shown
    for width in (PHONE, DESKTOP):
        tab.set_width(width)
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
        for scheme in ("light", "dark"):
            tab.prefer(scheme)
            tab.screenshot(PICTURES / f"{name}-{width}-{scheme}.png")
            if (width, scheme) in ((PHONE, "dark"), (DESKTOP, "light")):
                assert axe_core.problems(tab).keys() <= OF_PAGES
