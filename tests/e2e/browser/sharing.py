"""Shares of files on the deployed stack, made and changed through the API as their owner does it."""

import json
import time
import uuid
from contextlib import contextmanager
from urllib.parse import urlencode

from local_aws import api_client
from local_aws.custom_domain import CustomDomain

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class Domain(CustomDomain):
    """The public address of the shares. A test can take a header of the pages away, to see what it is for."""

    def __init__(self):
        super().__init__()
        self._changes = {}

    @contextmanager
    def changed(self, **headers):
        """Replaces headers of the pages until the `with` block ends. A `_` in a name is a hyphen; None takes it away."""
        self._changes = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            yield
        finally:
            self._changes = {}

    def answer(self, method, target, headers, body):
        if target == "/":
            return 200, {"Content-Type": "text/html"}, b"<!DOCTYPE html><title>Another page of the same origin</title>"
        status, headers, body = super().answer(method, target, headers, body)
        changed = {**headers, **self._changes}
        return status, {name: value for name, value in changed.items() if value is not None}, body


class Sharing:
    """The deployed stack, and an owner whose grant covers its files."""

    def __init__(self, aws, stack, owner):
        self.aws = aws
        self.stack = stack
        self.owner = owner
        variables = aws.client("lambda").get_function_configuration(FunctionName=stack.function)["Environment"]
        self.table = variables["Variables"]["SHARES_TABLE"]

    def make(self, content=b"shared", name="report.pdf", **fields):
        """Put a file into the bucket, and make a share of it."""
        key = f"private-files/{uuid.uuid4()}/{name}"
        self.aws.client("s3").put_object(Bucket=self.stack.bucket, Key=key, Body=content)
        return Share(self, self.ask("POST", "/shares", {"key": key, **fields}, expected=201))

    def ask(self, method, path, body=None, expected=200):
        """What the API answers to the owner."""
        response = self.owner.request(method, f"{self.stack.api_url}{path}", body)
        assert response.status == expected, response.body
        return response.json() if response.body else None

    @contextmanager
    def denied(self, *actions):
        """Denies the function some actions until the `with` block ends."""
        iam = self.aws.client("iam")
        roles = [arn.rsplit("/", 1)[1] for arn in (self.stack.role_arn, self.stack.session_role_arn)]
        statement = {"Effect": "Deny", "Action": actions, "Resource": "*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": statement})
        for role in roles:
            iam.put_role_policy(RoleName=role, PolicyName="denied", PolicyDocument=policy)
        try:
            yield
        finally:
            for role in roles:
                iam.delete_role_policy(RoleName=role, PolicyName="denied")


class Share:
    """A share, as the API described it when it was made."""

    def __init__(self, sharing, made):
        self._sharing = sharing
        self.url = made["url"]
        self.id = made["share_id"]
        self.passcode = made.get("passcode")

    def facts(self):
        """What its owner is told of it now."""
        return self._sharing.ask("GET", f"/shares/{self.id}")

    def downloads(self):
        """How many downloads were counted."""
        return self.facts()["downloads"]

    def item(self):
        """All that the table has of it."""
        table = self._sharing.aws.client("dynamodb")
        return table.get_item(TableName=self._sharing.table, Key={"id": {"S": self.id}}, ConsistentRead=True)["Item"]

    def press(self, passcode=None):
        """Press the button without a browser. Returns the response, which may be a redirect."""
        form = urlencode({} if passcode is None else {"passcode": passcode}).encode()
        return api_client.send("POST", self.url, form, FORM)

    def change(self, **fields):
        self._sharing.ask("PATCH", f"/shares/{self.id}", fields)

    def revoke(self):
        self._sharing.ask("DELETE", f"/shares/{self.id}", expected=204)

    def lock(self):
        """Try wrong passcodes until none is looked at any more."""
        while self.press("not the passcode").status == 403:
            pass

    def end(self):
        """Have its time be over. The shortest share lives for a minute, so the table is changed."""
        self._sharing.aws.client("dynamodb").update_item(
            TableName=self._sharing.table,
            Key={"id": {"S": self.id}},
            UpdateExpression="SET expires_at = :now",
            ExpressionAttributeValues={":now": {"N": str(int(time.time()) - 1)}},
        )
