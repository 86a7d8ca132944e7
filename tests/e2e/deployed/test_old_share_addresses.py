"""A stack of the last version whose shares opened at the callers' API, updated to this one: the addresses that it gave out
still open, also those in mails. And shares go off and on, in it and in a stack that never had such addresses.

The local AWS treats the settings of single routes as API Gateway does: `ministack_patches/patch_apigateway.py`.
"""

import uuid
from dataclasses import dataclass

import pytest
from local_aws import api_client, commands, deploying, inbox, paths

BEFORE = paths.ROOT / "tests" / "upgrade" / "written-by-cb43acb" / "template.yaml"
SENDER = "updated@example.com"
PARAMETERS = {"ShareLinks": "yes", "MailFrom": SENDER, "MailAllowedRecipients": "*@example.com"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@dataclass(frozen=True)
class Sharing:
    """A stack, and a caller who makes shares in it."""

    aws: object
    stack: deploying.Deployment
    caller: api_client.Caller

    def put(self, content, **metadata):
        key = f"private-files/{uuid.uuid4()}"
        self.aws.client("s3").put_object(Bucket=self.stack.bucket, Key=key, Body=content, Metadata=metadata)
        return key

    def make(self, content):
        """The address of a new share."""
        made = self.caller.request("POST", f"{self.stack.api_url}/shares", {"key": self.put(content)})
        assert made.status == 201, made.body
        return made.json()["url"]

    def mail(self, content):
        """The address of a share in a new mail."""
        recipient = f"{uuid.uuid4()}@example.com"
        self.put(content, **{"link-to": recipient})
        [mail] = inbox.wait_for(self.aws, lambda mail: mail.recipients == [recipient])
        return mail.link


def opened(address):
    """What whoever has the address downloads, or the status of the page or of the button."""
    page = api_client.send("GET", address)
    if page.status != 200 or api_client.send("HEAD", address).status != 200:
        return page.status
    pressed = api_client.send("POST", address, b"", FORM)
    return api_client.send("GET", pressed.headers["location"]).body if pressed.status == 303 else pressed.status


def token(address):
    return address.rsplit("/", 1)[1]


@pytest.fixture(scope="module")
def given_before(aws):
    """A stack of the version before, and addresses that it gave out: to a caller, and in a mail."""
    aws.client("sesv2").create_email_identity(EmailIdentity=SENDER)
    stack = deploying.deploy(aws, stack="updated", template=BEFORE, **PARAMETERS)
    sharing = Sharing(aws, stack, api_client.create_caller(aws, stack, "updated-alice"))
    # The function took its address from the request, which names no port.
    made = f"{stack.api_url}/s/{token(sharing.make(b'shared before'))}"
    mailed = sharing.mail(b"mailed before")
    assert mailed.startswith(f"{stack.api_url}/s/")
    assert (opened(made), opened(mailed)) == (b"shared before", b"mailed before")
    return sharing, made, mailed


@pytest.fixture(scope="module")
def updated(aws, given_before):
    """The same stack with this version's template, by somebody who knows nothing of what is new."""
    sharing, made, mailed = given_before
    stack = deploying.deploy(aws, stack="updated", **PARAMETERS)
    assert stack.api_url == sharing.stack.api_url
    return Sharing(aws, stack, sharing.caller), made, mailed


def test_addresses_given_before_still_open(updated):
    _, made, mailed = updated
    assert (opened(made), opened(mailed)) == (b"shared before", b"mailed before")
    assert opened(f"{made}/") == b"shared before"


def test_shares_made_since_are_at_the_shares_api_which_opens_earlier_ones_too(updated):
    sharing, made, _ = updated
    begin = f"{sharing.stack.share_api_url}/s/"
    assert sharing.stack.share_api_url != sharing.stack.api_url
    new, mailed = sharing.make(b"shared since"), sharing.mail(b"mailed since")
    assert new.startswith(begin) and mailed.startswith(begin)
    assert (opened(new), opened(mailed)) == (b"shared since", b"mailed since")
    assert opened(f"{begin}{token(made)}") == b"shared before"
    assert opened(f"{sharing.stack.api_url}/s/{token(new)}") == b"shared since"


def test_the_stage_can_be_changed_after_the_update(aws, updated):
    _, made, _ = updated
    deploying.deploy(aws, stack="updated", ShareThrottlingRate=7, ThrottlingRate=8, **PARAMETERS)
    assert opened(made) == b"shared before"


def test_shares_go_off_and_on_after_the_update(aws, updated):
    sharing, made, mailed = updated
    off = deploying.deploy(aws, stack="updated", **{**PARAMETERS, "ShareLinks": "no"})
    assert off.share_api_url is None
    assert (opened(made), opened(mailed)) == (404, 404)
    assert sharing.caller.request("GET", f"{off.api_url}/shares").status == 404
    # What is left of the old routes in the stage. The document's command takes it away.
    with pytest.raises(commands.Failure, match="Unable to find Route by key"):
        deploying.deploy(aws, stack="updated", **{**PARAMETERS, "ShareLinks": "no"}, ThrottlingRate=9)
    on = deploying.deploy(aws, stack="updated", **PARAMETERS)
    again = Sharing(aws, on, sharing.caller)
    assert opened(again.make(b"shared again")) == b"shared again"
    assert opened(again.mail(b"mailed again")) == b"mailed again"
    # The table is a new one.
    assert (opened(made), opened(mailed)) == (404, 404)


def test_in_a_new_stack_shares_go_off_and_on_and_the_stage_can_be_changed_in_between(aws):
    parameters = {"OldShareAddresses": "no", "ShareLinks": "yes"}
    first = deploying.deploy(aws, stack="off-and-on", **parameters)
    caller = api_client.create_caller(aws, first, "off-and-on-alice")
    address = Sharing(aws, first, caller).make(b"first")
    assert opened(address) == b"first"
    for rate in (11, 12):
        off = deploying.deploy(aws, stack="off-and-on", **{**parameters, "ShareLinks": "no"}, ThrottlingRate=rate)
        assert off.share_api_url is None
        assert opened(address) in (403, 404)
    on = deploying.deploy(aws, stack="off-and-on", **parameters)
    assert on.share_api_url != first.share_api_url
    assert opened(Sharing(aws, on, caller).make(b"second")) == b"second"
