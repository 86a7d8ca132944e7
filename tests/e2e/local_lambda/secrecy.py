"""Searches text for what a log must not contain: links, signatures, tokens and keys.

It knows the patterns of such values. A secret without a known pattern must be passed to be found.
"""

import re
from urllib.parse import quote

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
}


def leaks(text, secrets=()):
    """Describes what `text` contains and must not. The descriptions don't contain the `secrets`."""
    found = [name for name, pattern in PATTERNS.items() if pattern.search(text)]
    for number, secret in enumerate(secrets):
        if any(form in text for form in (secret, quote(secret, safe=""))):
            found.append(f"secret number {number}")
    return found
