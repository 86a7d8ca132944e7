"""What the signature of an upload costs, beside a link's: CPU time of a warm process.

The session is declared for the link and minted for the uploads, once, by the fake STS.
"""

import json
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from statistics import median

from bare_lambda import requests
from bare_lambda.process import Process
from fake_aws import FakeAws
from local_aws import paths

LINK = "one link"
FILE = "a file's upload"
PART = "one part"
PARTS = "1,000 parts in one answer"
BATCH = "1,000 links in one answer"
KINDS = (LINK, FILE, PART, BATCH, PARTS)

INVOCATIONS = 200
WARM_UP = 20
# Of the two kinds that answer a thousand at once.
LARGE_INVOCATIONS = 12

MEBIBYTE = 1024 * 1024
SIZE = 5_000 * MEBIBYTE
KEY = "uploads/5b3b7c3c-6d4b-4c3c-8b7a-1a2b3c4d5e6f/video.mp4"


@dataclass
class UploadFigures:
    """Seconds of CPU time for an invocation of each kind, one figure for each round."""

    warm_cpu: dict = field(default_factory=lambda: defaultdict(list))


def environment(aws):
    """The variables of a function that signs links and uploads."""
    grants = [
        {"bucket": requests.BUCKET, "region": requests.REGION, "prefix": "private-files/", "principals": ["*"]},
        {
            "bucket": requests.BUCKET,
            "region": requests.REGION,
            "prefix": "uploads/",
            "principals": ["*"],
            "actions": ["put"],
            "max_size": SIZE,
        },
    ]
    return requests.environment(
        GRANTS=json.dumps(grants),
        UPLOAD_ROLE_ARN="arn:aws:iam::123456789012:role/upload",
        AWS_ENDPOINT_URL_STS=aws.url,
    )


def events():
    """The event of each kind, and the status of its answer."""
    part = {"method": "PUT", "key": KEY, "uploadId": "2~EXAMPLE", "size": SIZE}
    return {
        LINK: (requests.link(), 200),
        FILE: (requests.event("/uploads", {"name": "video.mp4", "size": MEBIBYTE}), 201),
        PART: (requests.event("/uploads/sign", {**part, "partNumber": 1}), 200),
        BATCH: (requests.batch(), 200),
        PARTS: (requests.event("/uploads/sign", {**part, "partNumbers": list(range(1, 1001))}), 200),
    }


def measure(rounds):
    """Measure all kinds in `rounds` warm processes."""
    figures = UploadFigures()
    with FakeAws() as aws:
        aws.mint_until(datetime.now(timezone.utc) + timedelta(hours=1))
        for _ in range(rounds):
            with Process((paths.BOOTSTRAP,), environment(aws)) as process:
                for kind, (event, status) in events().items():
                    figures.warm_cpu[kind].append(warm_cpu(process, kind, event, status))
    return figures


def warm_cpu(process, kind, event, status):
    """Seconds of CPU time for one invocation."""
    count = LARGE_INVOCATIONS if kind in (BATCH, PARTS) else INVOCATIONS
    for _ in range(WARM_UP if count == INVOCATIONS else 2):
        response, _ = process.invoke(event)
    answered = json.loads(response)["statusCode"]
    if answered != status:
        raise AssertionError(f"{kind} was answered with {answered}: {response}")
    before = process.cpu_seconds()
    for _ in range(count):
        process.invoke(event)
    return (process.cpu_seconds() - before) / count


def beside_a_link(figures, kind, of):
    """How many times as much as another kind one costs."""
    return median(figures.warm_cpu[kind]) / median(figures.warm_cpu[of])
