"""Shares in the situations of the documents' examples."""

import json
import time

from local_lambda import requests

KEY = "private-files/report.pdf"
PASSCODE = "correct horse battery"
FIELDS = {"key": KEY, "max_downloads": 5, "recipient": "bob@example.com"}

# The examples whose share has a passcode.
WITH_PASSCODE = {
    "before-the-passcode",
    "right-passcode",
    "right-passcode-as-json",
    "wrong-passcode",
    "no-passcode",
    "locked",
    "locked-share",
    "unlocked",
}


class Shares:
    """Makes a share for each example. Examples may change theirs.

    `event` makes the event of a request by an owner: a method, a path, a body and a principal.
    """

    def __init__(self, function, table, event=requests.request):
        self._function = function
        self._table = table
        self._event = event

    def make(self, owner, **fields):
        """Make a share of the examples' file. Returns its id and its token."""
        body = json.dumps({**FIELDS, **fields})
        response = self._function.request(self._event("POST", "/shares", body=body, principal=owner))
        assert response.status == 201, response.body
        made = response.json()
        return made["share_id"], made["url"].rpartition("/")[2]

    def as_in(self, situation, owner):
        """A share of `owner` in the situation of the example. Returns its id and its token."""
        if situation in ("never-was", "table-is-away"):
            return requests.SHARE_ID, requests.SHARE_TOKEN
        if situation == "somebody-else-s":
            owner = f"{owner}-s-colleague"
        share_id, token = self.make(owner, **({"passcode": PASSCODE} if situation in WITH_PASSCODE else {}))
        if situation in ("locked", "locked-share", "unlocked"):
            self._table.set_number(share_id, "attempts", 10)
            self._table.set_number(share_id, "last_attempt_at", int(time.time()))
        elif situation == "ended":
            self._table.set_number(share_id, "expires_at", int(time.time()))
        elif situation == "used-up":
            self._table.set_number(share_id, "downloads", 5)
        elif situation == "one-page":
            assert self._function.request(requests.press(token, {})).status == 303
        elif situation in ("withdrawn", "revoked"):
            revoke = self._event("DELETE", f"/shares/{share_id}", principal=owner)
            assert self._function.request(revoke).status == 204
        return share_id, token
