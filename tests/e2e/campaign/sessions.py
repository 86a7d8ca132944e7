"""Credentials as Lambda and STS give them, whose sessions end at known instants, and the tokens that attest this."""

import base64
import json
import time
from dataclasses import dataclass
from datetime import datetime, timezone

from bare_lambda.runtime_api import FUNCTION_ARN

AUDIENCE = "https://s3-link-signer.invalid"
OTHER_FUNCTION_ARN = FUNCTION_ARN.decode() + "-of-another-team"
# A minted session lasts an hour at most, because role chaining allows no more.
MINTED_SECONDS = 3600


@dataclass(frozen=True)
class Session:
    """Credentials, and the instant at which their session really ends, in seconds since 1970."""

    access_key_id: str
    secret_access_key: str
    session_token: str
    end: float

    def variables(self):
        """The environment variables in which Lambda passes the credentials."""
        return {
            "AWS_ACCESS_KEY_ID": self.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret_access_key,
            "AWS_SESSION_TOKEN": self.session_token,
        }

    def secrets(self):
        """What nobody may read who reads the log or an error."""
        return [self.secret_access_key, self.session_token]


def new_session(source, seconds):
    """Credentials drawn from `source`, whose session ends in `seconds`."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
    secret = base64.b64encode(source.randbytes(30)).decode()
    # As long as Lambda's own, with the characters of base64 that URLs must encode.
    token = "IQoJb3JpZ2luX2Vj" + base64.b64encode(source.randbytes(500)).decode() + "//+=="
    # Whole seconds, because STS states no fractions.
    return Session("ASIA" + "".join(source.choices(letters, k=16)), secret, token, int(time.time() + seconds))


def timestamp(seconds):
    """An instant as STS writes it."""
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def token(session, function_arn, end):
    """A token of STS's that says that `session` is of this function and that its original session ends at `end`."""
    now = int(time.time())
    claims = {
        "iss": "https://abc.tokens.sts.global.api.aws",
        "aud": AUDIENCE,
        "sub": "arn:aws:iam::123456789012:role/signer",
        "iat": now,
        "exp": min(now + 60, int(end)),
        "https://sts.amazonaws.com/": {
            "aws_account": "123456789012",
            "original_session_exp": timestamp(end),
            "lambda_source_function_arn": function_arn,
        },
    }
    parts = [json.dumps(part).encode() for part in ({"kid": "ec384", "typ": "JWT", "alg": "ES384"}, claims)]
    # The signature is of this session, so that every token is a secret of its own.
    parts.append((session.access_key_id * 6).encode())
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)
