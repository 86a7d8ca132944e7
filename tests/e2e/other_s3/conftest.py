"""A running Ceph with files, and a function that signs with the sessions of Ceph's own STS."""

import json
import os

import boto3
import pytest
from botocore.config import Config
from botocore.handlers import validate_bucket_name
from local_lambda import running
from other_s3 import ceph, servers

BUCKET = "files"
# Ceph takes such a name, as S3 did before 2018, if nothing but the path has to hold it.
OLD_BUCKET = "Files_of_old"
REGION = "default"


@pytest.fixture(scope="session")
def radosgw():
    """Ceph. Where it can't run, these tests fail in CI and are skipped elsewhere."""
    try:
        ceph.install()
    except ceph.Unavailable as reason:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(reason))
    with ceph.Ceph() as running_ceph:
        yield running_ceph


@pytest.fixture(scope="session")
def s3(radosgw):
    """A client of the files' owner, with the buckets."""
    access_key, secret = ceph.OWNER
    client = boto3.client(
        "s3",
        endpoint_url=radosgw.url,
        region_name="us-east-1",
        aws_access_key_id=access_key,
        aws_secret_access_key=secret,
        config=Config(s3={"addressing_style": "path"}, request_checksum_calculation="when_required"),
    )
    # boto3 refuses some names of old itself.
    client.meta.events.unregister("before-parameter-build.s3", validate_bucket_name)
    for bucket in (BUCKET, OLD_BUCKET):
        client.create_bucket(Bucket=bucket)
        client.put_object(Bucket=bucket, Key="private-files/Résumé 1.txt", Body=bucket.encode())
    return client


@pytest.fixture(scope="session")
def function_with(radosgw, s3, built):
    """Makes a function with these settings, for a `with` block."""

    def make(**changes):
        access_key, secret = ceph.SIGNER
        grants = [
            {"bucket": bucket, "prefix": "private-files/", "principals": ["*"], "region": REGION}
            for bucket in (BUCKET, OLD_BUCKET)
        ]
        variables = {
            "GRANTS": json.dumps(grants),
            "AWS_ENDPOINT_URL": radosgw.url,
            "AWS_REGION": REGION,
            "AWS_ACCESS_KEY_ID": access_key,
            "AWS_SECRET_ACCESS_KEY": secret,
            "SIGNING_ROLE_ARN": ceph.ROLE_ARN,
            **changes,
        }
        return running.LocalLambda("radosgw", **variables)

    return make


@pytest.fixture(scope="session", params=[servers.AWS, servers.LOCAL_AWS, servers.RADOSGW])
def server(request, built):
    """An S3 that uploads are sent to. AWS is a stand-in that refuses as AWS does."""
    if request.param == servers.RADOSGW:
        needed = [request.getfixturevalue(name) for name in ("radosgw", "s3")]
        started = servers.radosgw(*needed, REGION)
    else:
        started = servers.local_aws(request.getfixturevalue("aws"), request.param == servers.AWS)
    with started as ready:
        yield ready
