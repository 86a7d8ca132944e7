"""Roles on the local AWS, and sessions of these roles that are as short as a test needs.

AWS gives no session shorter than 15 minutes, and its SDKs refuse to ask for one. The local AWS gives sessions
of any number of seconds. They end as AWS's sessions do.
"""

import json

import boto3
from botocore.config import Config
from local_aws import isolation


class Role:
    """A role with the permissions in `statements`. The account's root and the role itself may assume it."""

    def __init__(self, aws, name, *statements):
        self._aws = aws
        self.name = name
        account = aws.client("sts").get_caller_identity()["Account"]
        self.arn = f"arn:aws:iam::{account}:role/{name}"
        trusted = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{account}:root"}, "Action": "sts:AssumeRole"}
        iam = aws.client("iam")
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(policy_document(trusted)))
        document = json.dumps(policy_document(*statements))
        iam.put_role_policy(RoleName=name, PolicyName="permissions", PolicyDocument=document)

    def session(self, seconds=3600):
        """New credentials that end after `seconds`, in the form in which STS returns them."""
        sts = boto3.client(
            "sts",
            endpoint_url=self._aws.url,
            region_name=isolation.REGION,
            aws_access_key_id=self._aws.access_key_id,
            aws_secret_access_key=self._aws.secret_access_key,
            # With validation, boto3 refuses to ask for less than 900 seconds.
            config=Config(parameter_validation=False),
        )
        return sts.assume_role(RoleArn=self.arn, RoleSessionName="test", DurationSeconds=seconds)["Credentials"]


def policy_document(*statements):
    """A policy document with these statements."""
    return {"Version": "2012-10-17", "Statement": list(statements)}


def read_statement(*buckets):
    """A statement that allows reading every object in these buckets."""
    resources = [f"arn:aws:s3:::{bucket}/*" for bucket in buckets]
    return {"Effect": "Allow", "Action": ["s3:GetObject", "s3:GetObjectVersion"], "Resource": resources}


def environment_variables(credentials):
    """Credentials as Lambda gives them to a function: without the time at which they end."""
    return {
        "AWS_ACCESS_KEY_ID": credentials["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": credentials["SecretAccessKey"],
        "AWS_SESSION_TOKEN": credentials["SessionToken"],
    }
