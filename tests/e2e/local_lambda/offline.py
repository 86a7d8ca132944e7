"""The environment of a function that has no AWS behind it: its session is assumed, its bucket's region stated.

Its keys are made up anew each time, so what is found of them in a log is from there.
"""

import json
import secrets

BUCKET = "amzn-s3-demo-bucket"

# What the fixtures in events/ count on.
GRANTS = [
    {
        "bucket": BUCKET,
        "prefix": "private-files/",
        "principals": ["*"],
        "max_expires_in": 3600,
        "region": "us-east-1",
    }
]


def environment(**changes):
    """Changes win, and None takes a variable away."""
    variables = {
        "GRANTS": json.dumps(GRANTS),
        "AWS_ACCESS_KEY_ID": "ASIAIOSFODNN7EXAMPLE",
        "AWS_SECRET_ACCESS_KEY": secrets.token_hex(20),
        # With the characters that base64 has and URLs encode.
        "AWS_SESSION_TOKEN": f"{secrets.token_hex(100)}+/=={secrets.token_hex(100)}",
        "ASSUMED_SESSION_SECONDS": "43200",
        **changes,
    }
    return {name: value for name, value in variables.items() if value is not None}
