"""SES: a mail is authorised on every resource that it uses, and each mail is stored in the directory `inbox`."""

import base64
import contextvars
import json
import os
import pathlib

# The identities' default configuration sets, by identity. ministack does not keep them.
DEFAULT_SETS = {}


def is_sending(method, path):
    return method == "POST" and path.rstrip("/") == "/v2/email/outbound-emails"


def authorize_every_resource_of_a_mail():
    """SES authorises the identity that verifies the sender (the address, its domain or a parent domain), in its sandbox
    the recipients' identities as well, and the configuration set, be it the call's or the identity's default. It has the
    condition key `ses:FromAddress`, and wants `ses:SendRawEmail` too for a mail in raw MIME. ministack checks
    `ses:SendEmail` on `*` without that key.

    Sources: Service Authorization Reference, "Actions, resources, and condition keys for Amazon Simple Email Service v2";
    Amazon SES developer guide, "Verifying a domain", on inheritance; reports of AccessDenied for a default configuration
    set (medplum/medplum#10102, aws/aws-cdk#34402) and for a recipient's identity (cloudposse/terraform-aws-ses#40,
    GSA/data.gov#3810).
    """
    from ministack import app as server
    from ministack.core import iam_actions, iam_evaluator
    from ministack.services import ses, ses_v2

    sender = contextvars.ContextVar("sender", default=None)
    resource = contextvars.ContextVar("resource", default=None)
    original_condition_key = iam_evaluator._resolve_condition_key
    original_resource_arn = iam_actions._ses_v2_resource_arn
    original_enforce = server._enforce_ses_v2
    original_extract_action = iam_actions.extract_iam_action
    original_handle_request = ses_v2.handle_request

    def condition_key(name, context):
        if name.lower() == "ses:fromaddress" and sender.get():
            return sender.get()
        return original_condition_key(name, context)

    def identity_of(address):
        """The identity that verifies an address. The address itself if none does."""
        domain = address.rpartition("@")[2].lower()
        for identity in (address, *ses._domain_and_parents(domain)):
            if identity in ses_v2._identities:
                return identity
        return address

    def resources(mail):
        identity = identity_of(mail["FromEmailAddress"])
        yield f"identity/{identity}"
        configuration_set = mail.get("ConfigurationSetName") or DEFAULT_SETS.get(identity)
        if configuration_set:
            yield f"configuration-set/{configuration_set}"
        if not ses._production_access_enabled():
            for recipient in mail["Destination"]["ToAddresses"]:
                yield f"identity/{identity_of(recipient)}"

    def resource_arn(method, path, body, region, account):
        if is_sending(method, path):
            return f"arn:aws:ses:{region}:{account}:{resource.get()}"
        return original_resource_arn(method, path, body, region, account)

    def enforce(method, path, headers, body, query, request_id):
        if not is_sending(method, path):
            return original_enforce(method, path, headers, body, query, request_id)
        mail = json.loads(body)
        actions = ["ses:SendRawEmail", "ses:SendEmail"] if "Raw" in mail["Content"] else ["ses:SendEmail"]
        for used in resources(mail):
            for action in actions:
                tokens = sender.set(mail["FromEmailAddress"]), resource.set(used)
                iam_actions.extract_iam_action = lambda *_, action=action: action
                try:
                    denied = original_enforce(method, path, headers, body, query, request_id)
                finally:
                    iam_actions.extract_iam_action = original_extract_action
                    sender.reset(tokens[0])
                    resource.reset(tokens[1])
                if denied:
                    return denied
        return None

    async def handle_request(method, path, headers, body, query):
        result = await original_handle_request(method, path, headers, body, query)
        if method == "POST" and path.rstrip("/") == "/v2/email/identities" and result[0] == 200:
            created = json.loads(body)
            if created.get("ConfigurationSetName"):
                DEFAULT_SETS[created["EmailIdentity"]] = created["ConfigurationSetName"]
        return result

    iam_evaluator._resolve_condition_key = condition_key
    iam_actions._ses_v2_resource_arn = resource_arn
    server._enforce_ses_v2 = enforce
    ses_v2.handle_request = handle_request


def store_mails():
    """ministack parses a raw mail and does not keep it. The patch stores the raw mail (`.eml`), and its sender, its
    recipients and its id (`.json`)."""
    from ministack.services import ses_v2

    original_handle_request = ses_v2.handle_request

    async def handle_request(method, path, headers, body, query):
        result = await original_handle_request(method, path, headers, body, query)
        if is_sending(method, path) and result[0] == 200:
            store(json.loads(body), json.loads(result[2])["MessageId"])
        return result

    def store(mail, message_id):
        inbox = pathlib.Path(os.environ["TMPDIR"]) / "inbox"
        inbox.mkdir(exist_ok=True)
        envelope = {"from": mail["FromEmailAddress"], "to": mail["Destination"]["ToAddresses"], "message_id": message_id}
        (inbox / f"{message_id}.json").write_text(json.dumps(envelope), encoding="utf-8")
        # The rename comes last, so a reader never sees a part of a mail.
        part = inbox / f"{message_id}.part"
        part.write_bytes(base64.b64decode(mail["Content"]["Raw"]["Data"]))
        part.rename(inbox / f"{message_id}.eml")

    ses_v2.handle_request = handle_request
