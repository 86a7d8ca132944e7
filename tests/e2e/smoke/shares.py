"""The step about shares, if the stack has them: one opens, and opens nothing once it is revoked."""

from . import requests
from .report import Failed, Skipped


def check(stack, report, key, content):
    """Share the file that is there under `key`. The share is revoked in the end, whatever happens."""
    with report.step("a share downloads the file until it is revoked") as seen:
        if "SharesTableName" not in stack.outputs:
            raise Skipped("ShareLinks is no, so there are no shares")
        shares = f"{stack.outputs['ApiUrl']}/shares"
        made = requests.call(stack.session, "POST", shares, {"key": key}, stack.token)
        if made.status != 201:
            raise Failed(f"{made.problem()}; a grant with the action share must cover you")
        share = made.json()
        try:
            opened(share["url"], content)
        finally:
            revoked = requests.call(stack.session, "DELETE", f"{shares}/{share['share_id']}", token=stack.token)
        if revoked.status != 204:
            raise Failed(f"it could not be revoked: {revoked.problem()}")
        again = requests.send("POST", share["url"], b"")
        if again.status != 410:
            raise Failed(f"once revoked, it still answered {again.status}")
        seen.append(f"{share['share_id']}, {len(content)} bytes, then {again.status}")


def opened(url, content):
    """Read the share's page, and press its button as a browser does."""
    page = requests.send("GET", url)
    if page.status != 200:
        raise Failed(f"its page answered {page.status}; does PublicUrl lead to the output ShareApiUrl?")
    pressed = requests.send("POST", url, b"")
    if pressed.status != 303:
        raise Failed(f"its button answered {pressed.status}; docs/operations.md, \"Why does a share not open?\"")
    file = requests.send("GET", pressed.headers["Location"])
    if (file.status, file.body) != (200, content):
        raise Failed(f"S3 answered {file.status} to its download; docs/operations.md, \"When a link answers 403\"")
