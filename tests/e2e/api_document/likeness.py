"""Compares an answer with the example of it. What differs from call to call must have the example's form.

- An instant is any instant, an id any id, a share's token any token, a passcode that was made any, and `…` any text.
- A number of seconds that counts down to the session's end may be up to a minute less.
- A URL has the same path below the bucket and the same parameters, in their order, and the same values of those that do
  not depend on the instant, the session and the region.
- The folder of an upload is any UUID, and what a form's signature is made of is any text.
- Sentences may have other numbers.
"""

import re
from urllib.parse import parse_qsl, urlsplit

INSTANT = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
ROLE = r"arn:aws:sts::\d{12}:assumed-role/\S+/\S+"
# What a share has of its own. The examples in docs/reference.md shorten the id.
SHARE_ID = r"[\w-]{43}"
SHARE_TOKEN = r"/s/[\w-]+…?$"
PASSCODE = r"[a-z1-9]{5}-[a-z1-9]{5}"
VOLATILE_PARAMETERS = {
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-Expires",
    "X-Amz-Security-Token",
    "X-Amz-Signature",
    "x-link-id",
}
# The fields of a form that depend on the instant and on the session.
VOLATILE_FIELDS = {"x-amz-credential", "x-amz-date", "x-amz-security-token", "policy", "x-amz-signature"}
FORM_URL = "https://my-files.s3.eu-central-1.amazonaws.com/"
COUNTS_DOWN = {"expires_in", "available_expires_in"}
A_MINUTE = 60


def differences(expected, found, where="answer"):
    """What is not as the example says, as sentences."""
    if isinstance(expected, dict) and isinstance(found, dict):
        if set(expected) != set(found):
            return [f"{where}: the fields are {sorted(found)}, and the example has {sorted(expected)}"]
        return [text for name in expected for text in differences(expected[name], found[name], f"{where}.{name}")]
    if isinstance(expected, list) and isinstance(found, list):
        if len(expected) != len(found):
            return [f"{where}: {len(found)} entries, and the example has {len(expected)}"]
        pairs = enumerate(zip(expected, found, strict=True))
        return [text for number, pair in pairs for text in differences(*pair, f"{where}[{number}]")]
    field = where.rpartition(".")[2]
    if isinstance(expected, str) and isinstance(found, str):
        alike = strings_are_alike(field, expected, found)
    elif field in COUNTS_DOWN and isinstance(found, int):
        alike = expected - A_MINUTE <= found <= expected
    else:
        alike = expected == found and type(expected) is type(found)
    return [] if alike else [f"{where}: {found!r}, and the example has {expected!r}"]


def strings_are_alike(field, expected, found):
    """Whether a text is as in the example."""
    if field == "access_key_id_ends_with":
        return len(expected) == len(found)
    if field in VOLATILE_FIELDS:
        return found != ""
    if expected == FORM_URL:
        # The local S3 has the bucket in the path, AWS's in the host's name.
        return found.startswith("http") and found.endswith("/my-files")
    for form, is_of_this_form in (
        (INSTANT, re.fullmatch(INSTANT, expected)),
        (UUID, field == "link_id"),
        (SHARE_ID, field == "share_id"),
        (PASSCODE, field == "passcode"),
        (ROLE, field == "arn"),
    ):
        if is_of_this_form:
            return re.fullmatch(form, found) is not None
    expected, found = (re.sub(UUID, "UUID", text) for text in (expected, found))
    if expected.startswith("https://") and "?" in expected:
        return urls_are_alike(expected, found)
    # The local AWS has no TLS.
    expected, found = (re.sub("^https?://", "https://", text) for text in (expected, found))
    expected, found = (re.sub(SHARE_TOKEN, "/s/…", text) for text in (expected, found))
    pattern = re.escape(expected).replace("…", ".+")
    if field == "detail":
        pattern = re.sub(r"\d+", r"\\d+", pattern)
    return re.fullmatch(pattern, found, re.DOTALL) is not None


def urls_are_alike(expected, found):
    """Whether a link is for the same object and says the same to S3."""
    expected, found = urlsplit(expected), urlsplit(found)
    ours, theirs = (parse_qsl(parts.query, keep_blank_values=True) for parts in (expected, found))
    stable = [[pair for pair in pairs if pair[0] not in VOLATILE_PARAMETERS] for pairs in (ours, theirs)]
    # The local S3 has the bucket in the path, AWS's in the host's name.
    return (
        found.path.endswith(expected.path)
        and [name for name, _ in ours] == [name for name, _ in theirs]
        and stable[0] == stable[1]
    )
