"""Roles on the local AWS, and sessions of them as short as a test wants.

AWS gives no session shorter than 15 minutes, and its SDKs refuse to ask for one. The local AWS gives what
it is asked for, in seconds; its sessions end as AWS's do.
"""

import json

import boto3
from botocore.config import Config
from local_aws import isolation


class Role:
    """A role that may do what the statements say, trusted by the account's root and by itself."""

    def __init__(self, aws, name, *statements):
        self._aws = aws
        self.name = name
        account = aws.client("sts").get_caller_identity()["Account"]
        self.arn = f"arn:aws:iam::{account}:role/{name}"
        trusted = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{account}:root"}, "Action": "sts:AssumeRole"}
        iam = aws.client("iam")
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(policy_document(trusted)))
        iam.put_role_policy(RoleName=name, PolicyName="all-it-may", PolicyDocument=json.dumps(policy_document(*statements)))

    def session(self, seconds=3600):
        """New credentials that end after so many seconds, as STS words them."""
        sts = boto3.client(
            "sts",
            endpoint_url=self._aws.url,
            region_name=isolation.REGION,
            aws_access_key_id=self._aws.access_key_id,
            aws_secret_access_key=self._aws.secret_access_key,
            # Validation would refuse to ask for less than 900 seconds.
            config=Config(parameter_validation=False),
        )
        return sts.assume_role(RoleArn=self.arn, RoleSessionName="test", DurationSeconds=seconds)["Credentials"]


def policy_document(*statements):
    """A policy's document."""
    return {"Version": "2012-10-17", "Statement": list(statements)}


def read_statement(*buckets):
    """The statement that allows to read all objects of some buckets."""
    resources = [f"arn:aws:s3:::{bucket}/*" for bucket in buckets]
    return {"Effect": "Allow", "Action": ["s3:GetObject", "s3:GetObjectVersion"], "Resource": resources}


def environment_variables(credentials):
    """Credentials as Lambda hands them to a function: without their end."""
    return {
        "AWS_ACCESS_KEY_ID": credentials["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": credentials["SecretAccessKey"],
        "AWS_SESSION_TOKEN": credentials["SessionToken"],
    }
