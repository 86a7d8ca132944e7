"""A bucket that was there before the stack, as its owner set it up, and everything about it that a stack could change."""

import json

# What docs/deploy.md tells the owner to do, where mails are wanted. Nothing else is asked of the bucket.
EVENTS_ON = {"EventBridgeConfiguration": {}}


def create_bucket(aws, bucket):
    """Create a bucket with versions, a policy and rules of its owner's, and with its events sent to EventBridge."""
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    only_over_tls = {
        "Sid": "OnlyOverTls",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    s3.put_bucket_policy(
        Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [only_over_tls]})
    )
    kept = {"ID": "kept", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 3650}}
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [kept]})
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=EVENTS_ON)


def settings(aws, bucket):
    """All settings of a bucket that a template can write, as S3 answers them. The error code stands for a setting that is not there."""
    s3 = aws.client("s3")
    calls = {
        "policy": s3.get_bucket_policy,
        "versioning": s3.get_bucket_versioning,
        "notifications": s3.get_bucket_notification_configuration,
        "lifecycle": s3.get_bucket_lifecycle_configuration,
        "encryption": s3.get_bucket_encryption,
        "cors": s3.get_bucket_cors,
        "logging": s3.get_bucket_logging,
        "tags": s3.get_bucket_tagging,
        "ownership": s3.get_bucket_ownership_controls,
        "public access": s3.get_public_access_block,
    }
    found = {}
    for name, call in calls.items():
        try:
            found[name] = {key: value for key, value in call(Bucket=bucket).items() if key != "ResponseMetadata"}
        except s3.exceptions.ClientError as error:
            found[name] = error.response["Error"]["Code"]
    return found
