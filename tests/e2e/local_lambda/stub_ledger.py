"""The ledger of mails, for stand-ins of DynamoDB. Every call to it is an UpdateItem."""

import time

from . import stub_dynamodb


def kind(body):
    """What a call does: "claim", "mark" or "release"."""
    if "sent_at = " in body["UpdateExpression"]:
        return "mark"
    return "release" if body["UpdateExpression"].startswith("SET lease_ends_at = ") else "claim"


def mail(body):
    """The key and the recipient of the mail that a call claims."""
    values = body["ExpressionAttributeValues"]
    return f"{values[':key']['S']} {values[':recipient']['S']}"


def call(table, body):
    """Make a call on `table`, which maps ids to items. Returns the status and the JSON of the answer."""
    return stub_dynamodb.call(table, "UpdateItem", body)


def end_leases(table):
    """End all leases, as if five minutes had passed."""
    for item in table.values():
        if "lease_ends_at" in item:
            item["lease_ends_at"] = {"N": str(int(time.time()))}
