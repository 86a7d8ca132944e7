"""The ledger's DynamoDB table, for stand-ins of DynamoDB. It evaluates the function's conditions as DynamoDB does.

It implements only the calls that the function sends: UpdateItem, which claims a mail, marks it as sent or releases it.
"""

import time

REFUSED = {"__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException", "message": "no"}


def kind(body):
    """What a call does: "claim", "mark" or "release"."""
    if "sent_at = " in body["UpdateExpression"]:
        return "mark"
    return "release" if body["UpdateExpression"].startswith("SET lease_ends_at = ") else "claim"


def claimed_item(body):
    """The item that a claim writes."""
    names, values = body["ExpressionAttributeNames"], body["ExpressionAttributeValues"]
    written = {name: values[f":{name}"] for name in names.values()}
    return {**body["Key"], "claim": values[":claim"], **written}


def call(table, body):
    """Make a call on `table`, which maps ids to items. Returns the status and the JSON of the answer."""
    identity, values = body["Key"]["id"]["S"], body["ExpressionAttributeValues"]
    item = table.get(identity)
    if kind(body) == "claim":
        may_claim = not item or (
            "sent_at" not in item
            and (item["claim"] == values[":claim"] or int(item["lease_ends_at"]["N"]) <= int(values[":now"]["N"]))
        )
        if not may_claim:
            return 400, {**REFUSED, "Item": item}
        table[identity] = {**(item or {}), **claimed_item(body)}
        return 200, {}
    if not item or item["claim"] != values[":claim"]:
        return 400, REFUSED
    if kind(body) == "release":
        if "sent_at" in item:
            return 400, REFUSED
        item["lease_ends_at"] = values[":now"]
    else:
        item["sent_at"] = values[":now"]
        item.pop("lease_ends_at", None)
    return 200, {}


def end_leases(table):
    """End all leases, as if five minutes had passed."""
    for item in table.values():
        if "lease_ends_at" in item:
            item["lease_ends_at"] = {"N": str(int(time.time()))}
