"""The environment of a function that needs no AWS service: its session's length is assumed, its bucket's region
is known, and its grant gives old versions.

The keys are random in each environment. A log that contains them must come from that function.
"""

import json
import secrets

BUCKET = "amzn-s3-demo-bucket"

# The fixtures in events/ rely on these grants.
GRANTS = [
    {
        "bucket": BUCKET,
        "prefix": "private-files/",
        "principals": ["*"],
        "max_expires_in": 3600,
        "region": "us-east-1",
        # Without it, S3 would be asked for the current version.
        "versions": True,
    }
]


def environment(**changes):
    """The variables, with `changes`. None removes a variable."""
    variables = {
        "GRANTS": json.dumps(GRANTS),
        "AWS_ACCESS_KEY_ID": "ASIAIOSFODNN7EXAMPLE",
        "AWS_SECRET_ACCESS_KEY": secrets.token_hex(20),
        # It has the characters of base64 that URLs must encode.
        "AWS_SESSION_TOKEN": f"{secrets.token_hex(100)}+/=={secrets.token_hex(100)}",
        "ASSUMED_SESSION_SECONDS": "43200",
        **changes,
    }
    return {name: value for name, value in variables.items() if value is not None}
