"""The ledger's DynamoDB table, for stand-ins of DynamoDB. It evaluates the function's conditions as DynamoDB does.

It implements only the calls that the function sends: PutItem, UpdateItem and DeleteItem.
"""

import time

REFUSED = {"__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException", "message": "no"}


def call(table, name, body):
    """Make a call on `table`, which maps ids to items. Returns the status and the JSON of the answer."""
    values = body["ExpressionAttributeValues"]
    if name == "PutItem":
        existing = table.get(body["Item"]["id"]["S"])
        may_claim = not existing or (
            "sent_at" not in existing
            and (
                existing["claim"] == values[":claim"]
                or int(existing["lease_ends_at"]["N"]) <= int(values[":now"]["N"])
            )
        )
        if not may_claim:
            return 400, {**REFUSED, "Item": existing}
        table[body["Item"]["id"]["S"]] = body["Item"]
        return 200, {}
    item = table.get(body["Key"]["id"]["S"])
    if not item or item["claim"] != values[":claim"]:
        return 400, REFUSED
    if name == "DeleteItem":
        if "sent_at" in item:
            return 400, REFUSED
        del table[body["Key"]["id"]["S"]]
    else:
        item["sent_at"] = values[":now"]
        item.pop("lease_ends_at", None)
    return 200, {}


def end_leases(table):
    """End all leases, as if five minutes had passed."""
    for item in table.values():
        if "lease_ends_at" in item:
            item["lease_ends_at"] = {"N": str(int(time.time()))}
