"""Searches text for what must never be printed: whatever opens a file, or signs for us.

Knows what such things look like, so a secret of another look must be given to be found.
"""

import re
from urllib.parse import quote

LOOKS = {
    "a signature's parameter": re.compile(r"X-Amz-Signature", re.IGNORECASE),
    "a session token's parameter": re.compile(r"X-Amz-Security-Token", re.IGNORECASE),
    "a credential's parameter": re.compile(r"X-Amz-Credential", re.IGNORECASE),
    # 64 hexadecimal digits: request ids, trace ids and link ids are all shorter.
    "what may be a signature": re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])"),
    # A header and a payload that each begin with {" in base64url.
    "a JWT": re.compile(r"eyJ[\w-]{5,}\.eyJ[\w-]+"),
    "a link": re.compile(r"https?://\S*[?&]x-link-id=", re.IGNORECASE),
    "an Authorization header": re.compile(r"AWS4-HMAC-SHA256"),
}


def leaks(text, secrets=()):
    """What `text` holds that it must not, in words; empty if nothing. `secrets` are never repeated."""
    found = [name for name, look in LOOKS.items() if look.search(text)]
    for number, secret in enumerate(secrets):
        if any(form in text for form in (secret, quote(secret, safe=""))):
            found.append(f"secret number {number}")
    return found
