"""Searches text for what a log must not contain: links, signatures, tokens and keys.

It knows the patterns of such values. A secret without a known pattern must be passed to be found. It is found if as
little as twelve of its characters are there, as they are or encoded for a URL, JSON, HTML, base64 or hexadecimal.
"""

import base64
import collections
import html
import json
import re
from urllib.parse import quote, quote_plus

PATTERNS = {
    "a signature's parameter": re.compile(r"X-Amz-Signature", re.IGNORECASE),
    "a session token's parameter": re.compile(r"X-Amz-Security-Token", re.IGNORECASE),
    "a credential's parameter": re.compile(r"X-Amz-Credential", re.IGNORECASE),
    # 64 hexadecimal digits. Request ids, trace ids and link ids are shorter.
    "a possible signature": re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])"),
    # A header and a payload. Both begin with {" in base64url.
    "a JWT": re.compile(r"eyJ[\w-]{5,}\.eyJ[\w-]+"),
    "a link": re.compile(r"https?://\S*[?&]x-link-id=", re.IGNORECASE),
    "an Authorization header": re.compile(r"AWS4-HMAC-SHA256"),
    "a share's address": re.compile(r"(?:/|%2F)s(?:/|%2F)[\w-]{27}(?![\w-])", re.IGNORECASE),
    "a browser's cookie": re.compile(r"\bpress=[\w-]{27}(?![\w-])"),
}

# How many characters in a row are found, and how far apart the searched parts of a secret begin.
PART, STEP = 12, 6
# How many characters of a form are looked up first.
START = 8


def leaks(text, secrets=()):
    """Describes what `text` contains and must not. The descriptions don't contain the `secrets`."""
    found = [name for name, pattern in PATTERNS.items() if pattern.search(text)]
    return found + secrets_in(text, secrets)


def secrets_in(text, secrets):
    """The numbers of the secrets of which `text` contains a part, as descriptions."""
    numbers = {form: number for number, secret in enumerate(secrets) for part in parts(secret) for form in forms(part)}
    found = {number for form, number in numbers.items() if len(form) < START and form in text}
    # One look at the text, however many secrets there are.
    by_start = collections.defaultdict(list)
    for form, number in numbers.items():
        if len(form) >= START:
            by_start[form[:START]].append((form, number))
    for at in range(len(text) - START + 1):
        for form, number in by_start.get(text[at : at + START], ()):
            if text.startswith(form, at):
                found.add(number)
    return [f"secret number {number}" for number in sorted(found)]


def parts(secret):
    """Parts of a secret that together cover it. One that is short is its only part."""
    last = max(len(secret) - PART, 0)
    return {secret[start : start + PART] for start in [*range(0, last, STEP), last]}


def forms(part):
    """A part of a secret as it is, and as encoders write it."""
    octets = part.encode()
    encoded = {part, quote(part, safe=""), quote_plus(part, safe=""), json.dumps(part)[1:-1], html.escape(part)}
    encoded |= {octets.hex(), octets.hex().upper()}
    # In base64 a byte's characters depend on how many bytes are before it. Those at the ends depend on its neighbours.
    for before in range(3):
        whole = base64.b64encode(b"\0" * before + octets).decode()
        inner = whole[-(-8 * before // 6) : 8 * (before + len(octets)) // 6]
        encoded |= {inner, inner.replace("+", "-").replace("/", "_")}
    return encoded
