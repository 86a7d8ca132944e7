"""A table of shares on the local AWS, as template.yaml declares it."""

import json

from local_aws.template_text import Template


class SharesTable:
    """A table of its own. `statements` allow a function what it needs on it, as the template does.

    `indexes` are those that it has: by default all of the template.
    """

    def __init__(self, aws, name, indexes=("by-owner", "keys-by-owner")):
        self.name = name
        self._dynamodb = aws.client("dynamodb")
        declared = Template(ShareLinks="yes").properties("SharesTable")
        parts = ("BillingMode", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")
        table = {part: declared[part] for part in parts}
        table["GlobalSecondaryIndexes"] = [one for one in declared[parts[-1]] if one["IndexName"] in indexes]
        table = self._dynamodb.create_table(TableName=name, **table)
        arn = table["TableDescription"]["TableArn"]
        actions = [f"dynamodb:{action}" for action in ("GetItem", "BatchGetItem", "PutItem", "UpdateItem", "Scan")]
        indexes = [f"{arn}/index/{name}" for name in ("by-owner", "keys-by-owner")]
        self.statements = (
            {"Effect": "Allow", "Action": actions, "Resource": arn},
            {"Effect": "Allow", "Action": "dynamodb:Query", "Resource": indexes},
        )

    def item(self, share_id):
        """All that the table has of a share."""
        return self._dynamodb.get_item(TableName=self.name, Key={"id": {"S": share_id}}, ConsistentRead=True)["Item"]

    def downloads(self, share_id):
        """How many downloads of a share were counted."""
        return int(self.item(share_id)["downloads"]["N"])

    def set_number(self, share_id, attribute, number):
        """Change an attribute of a share, for what would otherwise take an hour or a week."""
        self._dynamodb.update_item(
            TableName=self.name,
            Key={"id": {"S": share_id}},
            UpdateExpression="SET #attribute = :number",
            ExpressionAttributeNames={"#attribute": attribute},
            ExpressionAttributeValues={":number": {"N": str(number)}},
        )

    def dump(self):
        """The whole table as text."""
        pages = self._dynamodb.get_paginator("scan").paginate(TableName=self.name, ConsistentRead=True)
        return json.dumps([item for page in pages for item in page["Items"]], ensure_ascii=False)
