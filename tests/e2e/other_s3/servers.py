"""The S3s that uploads are sent to, each with a function that signs for it."""

import contextlib
import json
from dataclasses import dataclass

from local_aws import api_client, isolation
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
    function: running.LocalLambda

    @property
    def uploads(self):
        """Uploads that a principal with all grants asks for."""
        return uploads.of(self.function)

    def opened(self, key):
        """What a link of the function to this object opens."""
        return api_client.send("GET", self.function.link(bucket=BUCKET, key=key)["url"])


def grants(region):
    """Keys that callers name, that the function makes, that may be replaced, and that belong to the bucket's owner."""
    common = {
        "bucket": BUCKET, "region": region, "principals": ["*"], "actions": ["put"], "max_size": MAX_SIZE,
        "metadata": ["author"], "max_expires_in": 900,
    }  # fmt: skip
    named = {
        "callers/": {"keys": "caller"},
        "made/": {"forms": True},
        "replaced/": {"keys": "caller", "overwrite": True},
        "owners/": {"forms": True, "put_headers": {"x-amz-acl": "bucket-owner-full-control"}},
    }
    uploads = [{**common, "prefix": prefix, **fields} for prefix, fields in named.items()]
    return json.dumps([*uploads, {"bucket": BUCKET, "region": region, "prefix": "", "principals": ["*"]}])


@contextlib.contextmanager
def local_aws(aws, only_what_aws_takes=False):
    """The local AWS, or the stand-in for AWS before it."""
    name = "strict" if only_what_aws_takes else "local"
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    acls = [*ceph.UPLOADS, "s3:PutObjectAcl"]
    writes = {"Effect": "Allow", "Action": acls, "Resource": f"arn:aws:s3:::{BUCKET}/*"}
    writer = roles.Role(aws, f"uploads-{name}", writes)
    reader = roles.Role(aws, f"downloads-{name}", roles.read_statement(BUCKET))
    mints = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": [writer.arn, reader.arn]}
    signer = roles.Role(aws, f"signs-{name}", mints)
    variables = {
        **roles.environment_variables(signer.session()),
        "AWS_ENDPOINT_URL": aws.url,
        "SIGNING_ROLE_ARN": reader.arn,
        "UPLOAD_ROLE_ARN": writer.arn,
        "BUCKET_POLICY": "ignore",
        "GRANTS": grants(isolation.REGION),
    }
    with contextlib.ExitStack() as stack:
        if only_what_aws_takes:
            variables["AWS_ENDPOINT_URL_S3"] = stack.enter_context(strict_s3.StrictS3(aws.url)).url
        function = stack.enter_context(running.LocalLambda(f"uploads-{name}", **variables))
        yield Server(AWS if only_what_aws_takes else LOCAL_AWS, s3, function)


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
        "SIGNING_ROLE_ARN": ceph.ROLE_ARN,
        "UPLOAD_ROLE_ARN": ceph.UPLOAD_ROLE_ARN,
        "BUCKET_POLICY": "ignore",
    }
    with running.LocalLambda("uploads-radosgw", **variables) as function:
        yield Server(RADOSGW, s3, function)
