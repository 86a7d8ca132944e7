"""DynamoDB's tables, for stand-ins of DynamoDB. They evaluate the expressions that they are sent.

The calls are those that mails, pages, presses and new shares make: GetItem, PutItem and UpdateItem.

Source: Amazon DynamoDB developer guide, "Using expressions in DynamoDB".
"""

import copy
import re

TOKEN = re.compile(r"[\w#:.]+|[<>]=|[^\s]")
COMPARISONS = {
    "=": lambda left, right: left == right,
    "<": lambda left, right: number(left) < number(right),
    ">": lambda left, right: number(left) > number(right),
    "<=": lambda left, right: number(left) <= number(right),
    ">=": lambda left, right: number(left) >= number(right),
}


def call(table, name, body):
    """Make a call on `table`, which maps ids to items. Returns the status and the JSON of the answer."""
    if name == "GetItem":
        item = table.get(body["Key"]["id"]["S"])
        return 200, {"Item": item} if item else {}
    key = (body["Item"] if name == "PutItem" else body["Key"])["id"]["S"]
    old = table.get(key)
    expression = Expression(body, old or {})
    if not expression.condition_holds():
        failed = {"__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException", "message": "no"}
        is_wanted = old and body.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"
        return 400, {**failed, "Item": old} if is_wanted else failed
    table[key] = body["Item"] if name == "PutItem" else expression.updated()
    return 200, {"Attributes": table[key]} if body.get("ReturnValues") == "ALL_NEW" else {}


def number(value):
    """The number in an attribute."""
    return int(value["N"])


class Expression:
    """The expressions of one call, about one item."""

    def __init__(self, body, item):
        self._body = body
        self._item = item
        self._tokens = []

    def condition_holds(self):
        """Whether the item satisfies the condition."""
        self._tokens = TOKEN.findall(self._body.get("ConditionExpression", ""))
        return not self._tokens or self._either()

    def updated(self):
        """The item after the update. Values are those from before it."""
        item = copy.deepcopy(self._item) or dict(self._body["Key"])
        self._tokens = TOKEN.findall(self._body["UpdateExpression"])
        clause = None
        while self._tokens:
            if self._tokens[0] in ("SET", "REMOVE", "ADD", "DELETE", ","):
                word = self._tokens.pop(0)
                clause = clause if word == "," else word
            *parents, last = self._path(self._tokens.pop(0))
            owner = item
            for name in parents:
                owner = owner[name]["M"]
            if clause == "REMOVE":
                owner.pop(last, None)
            elif clause in ("ADD", "DELETE"):
                texts = set(self._get(self._tokens.pop(0))["SS"])
                before = set(owner.pop(last, {"SS": []})["SS"])
                after = before | texts if clause == "ADD" else before - texts
                # An empty set is no attribute.
                owner.update({last: {"SS": sorted(after)}} if after else {})
            else:
                self._expect("=")
                owner[last] = self._sum()
        return item

    def _either(self):
        holds = self._all()
        while self._tokens[:1] == ["OR"]:
            self._tokens.pop(0)
            # The right side is read in any case.
            holds = self._all() or holds
        return holds

    def _all(self):
        holds = self._one()
        while self._tokens[:1] == ["AND"]:
            self._tokens.pop(0)
            holds = self._one() and holds
        return holds

    def _one(self):
        token = self._tokens.pop(0)
        if token == "(":
            holds = self._either()
            self._expect(")")
            return holds
        if token in ("attribute_exists", "attribute_not_exists"):
            self._expect("(")
            exists = self._get(self._tokens.pop(0)) is not None
            self._expect(")")
            return exists == (token == "attribute_exists")
        left, comparison, right = self._get(token), self._tokens.pop(0), self._get(self._tokens.pop(0))
        return left is not None and right is not None and COMPARISONS[comparison](left, right)

    def _sum(self):
        value = self._term()
        while self._tokens[:1] in (["+"], ["-"]):
            sign = 1 if self._tokens.pop(0) == "+" else -1
            value = {"N": str(number(value) + sign * number(self._term()))}
        return value

    def _term(self):
        token = self._tokens.pop(0)
        if token != "if_not_exists":
            return self._get(token)
        self._expect("(")
        known = self._get(self._tokens.pop(0))
        self._expect(",")
        default = self._get(self._tokens.pop(0))
        self._expect(")")
        return known if known is not None else default

    def _get(self, token):
        if token.startswith(":"):
            return self._body["ExpressionAttributeValues"][token]
        value = {"M": self._item}
        for name in self._path(token):
            value = value and value.get("M", {}).get(name)
        return value

    def _path(self, token):
        names = self._body.get("ExpressionAttributeNames", {})
        return [names[name] if name.startswith("#") else name for name in token.split(".")]

    def _expect(self, token):
        found = self._tokens.pop(0)
        if found != token:
            raise ValueError(f"{found} stands where {token} must be")
