"""The table of mails. Every call to it is an UpdateItem."""

from .orders import now

TABLE = "mails"


def kind(body):
    """What a call does: "claim", "mark" or "release", or else "content": it is about the item that names a content."""
    if body["UpdateExpression"].startswith("SET forget_at = "):
        return "content"
    if "sent_at = " in body["UpdateExpression"]:
        return "mark"
    return "release" if body["UpdateExpression"].startswith("SET lease_ends_at = ") else "claim"


def mail(body):
    """The key and the recipient of the mail that a call claims."""
    values = body["ExpressionAttributeValues"]
    return f"{values[':key']['S']} {values[':recipient']['S']}"


def end_leases(aws):
    """End all leases, as if five minutes had passed."""
    aws.change_items(TABLE, lease_ends_at=now())
