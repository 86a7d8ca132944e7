"""The S3s that uploads are sent to, each with a function that signs for it."""

import contextlib
import json
from dataclasses import dataclass

from local_aws import isolation, uploading
from local_lambda import roles, running, uploads
from other_s3 import ceph, strict_s3

BUCKET = "uploads"
MAX_SIZE = 20 * 2**20
AWS, LOCAL_AWS, RADOSGW = "AWS", "the local AWS", "radosgw"


@dataclass(frozen=True)
class Server:
    """An S3, its owner's client, and the function's signed requests to it."""

    name: str
    s3: object
    uploads: uploading.Uploads

    def stored(self, key):
        """An object as its owner finds it, with its content."""
        found = self.s3.get_object(Bucket=BUCKET, Key=key)
        return {**found, "Body": found["Body"].read()}


def grants(region):
    """Keys that callers name, keys that the function makes, and keys that may be replaced."""
    common = {
        "bucket": BUCKET, "region": region, "principals": ["*"], "actions": ["put"], "max_size": MAX_SIZE,
        "metadata": ["author"], "max_expires_in": 900,
    }  # fmt: skip
    named = {"callers/": {"keys": "caller"}, "made/": {"forms": True}, "replaced/": {"keys": "caller", "overwrite": True}}
    return json.dumps([{**common, "prefix": prefix, **fields} for prefix, fields in named.items()])


@contextlib.contextmanager
def local_aws(aws, only_what_aws_takes=False):
    """The local AWS, or the stand-in for AWS before it."""
    name = "strict" if only_what_aws_takes else "local"
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    resource = f"arn:aws:s3:::{BUCKET}/*"
    writer = roles.Role(aws, f"uploads-{name}", {"Effect": "Allow", "Action": ceph.UPLOADS, "Resource": resource})
    signer = roles.Role(aws, f"signs-uploads-{name}", {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": writer.arn})
    variables = {
        **roles.environment_variables(signer.session()),
        "AWS_ENDPOINT_URL": aws.url,
        "UPLOAD_ROLE_ARN": writer.arn,
        "BUCKET_POLICY": "ignore",
        "GRANTS": grants(isolation.REGION),
    }
    with contextlib.ExitStack() as stack:
        if only_what_aws_takes:
            variables["AWS_ENDPOINT_URL_S3"] = stack.enter_context(strict_s3.StrictS3(aws.url)).url
        function = stack.enter_context(running.LocalLambda(f"uploads-{name}", **variables))
        yield Server(AWS if only_what_aws_takes else LOCAL_AWS, s3, uploads.of(function))


@contextlib.contextmanager
def radosgw(running_ceph, s3, region):
    """Ceph's radosgw."""
    s3.create_bucket(Bucket=BUCKET)
    access_key, secret = ceph.SIGNER
    variables = {
        "GRANTS": grants(region),
        "AWS_ENDPOINT_URL": running_ceph.url,
        "AWS_REGION": region,
        "AWS_ACCESS_KEY_ID": access_key,
        "AWS_SECRET_ACCESS_KEY": secret,
        "UPLOAD_ROLE_ARN": ceph.UPLOAD_ROLE_ARN,
        "BUCKET_POLICY": "ignore",
    }
    with running.LocalLambda("uploads-radosgw", **variables) as function:
        yield Server(RADOSGW, s3, uploads.of(function))
