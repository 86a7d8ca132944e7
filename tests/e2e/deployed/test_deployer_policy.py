"""docs/deployer-policy.json allows what CloudFormation does for template.yaml, and little else.

cfn-lint brings CloudFormation's schemas of resource types. Each names the permissions that creating, reading, changing
and deleting such a resource takes.
"""

import fnmatch
import functools
import json
import pathlib
import re

import cfnlint
import pytest
from local_aws import paths
from local_aws.template_text import parsed

POLICY = json.loads((paths.ROOT / "docs" / "deployer-policy.json").read_text(encoding="utf-8"))
SCHEMAS = pathlib.Path(cfnlint.__file__).parent / "data" / "schemas" / "resources"
# A managed policy, without white space.
MAX_CHARACTERS = 6144

# What SAM makes of its own types.
MADE_BY_SAM = {"AWS::Serverless::Function": "AWS::Lambda::Function"}
# Services that are there only for properties which the template does not set.
OTHER_SERVICES = {"ec2", "elasticfilesystem", "firehose", "kinesis", "kms", "s3files", "s3tables"}
# The same, by words in the names of actions: what buckets, functions, log groups and tables can do besides.
OTHER_FEATURES = re.compile(
    "Abac|Accelerate|Acl|Alias|Analytics|AttachRole|BatchWrite|Bearer|CapacityProvider|CodeSigning|Concurrency|"
    "ContributorInsights|DataProtection|DetachRole|GroupPolicy|Import|IndexPolicy|IntelligentTiering|Inventory|Kms|"
    "KinesisStreaming|LayerVersion|LogStream|LogEvents|LogGroupDeletion|Metadata|Metrics|ObjectLock|PublishVersion|Replica|"
    "ScalingConfig|ServiceLinked|UserPolicy|Website|REST.PUT|DeleteBucket[A-OQ-Z]|DeleteResourcePolicy|Item$|:Query$|:Scan$|"
    "s3:DeleteObject$|dynamodb:PutResourcePolicy$|s3:[Gg]etObject$"
)


@functools.cache
def schemas():
    """The schemas of the template's resource types."""
    types = {MADE_BY_SAM.get(resource["Type"], resource["Type"]) for resource in parsed()["Resources"].values()}
    read = map(json.loads, (path.read_text(encoding="utf-8") for path in SCHEMAS.glob("*.json")))
    found = {schema["typeName"]: schema for schema in read if schema.get("typeName") in types}
    assert found.keys() == types, "cfn-lint knows the types, or SAM makes other types of them"
    return found


def needed(kind):
    """The actions that a resource type takes, but for what the template does not use."""
    handlers = schemas()[kind]["handlers"]
    actions = {action for name, handler in handlers.items() if name != "list" for action in handler["permissions"]}
    return {
        action for action in actions if action.split(":")[0] not in OTHER_SERVICES and not OTHER_FEATURES.search(action)
    }


def statements():
    return [{**one, "Action": [one["Action"]] if isinstance(one["Action"], str) else one["Action"]} for one in POLICY["Statement"]]


def allowed(action):
    return any(fnmatch.fnmatchcase(action, pattern) for one in statements() for pattern in one["Action"])


@pytest.mark.parametrize("kind", sorted(schemas()))
def test_the_policy_allows_what_each_resource_takes(kind):
    assert needed(kind)
    assert {action for action in needed(kind) if not allowed(action)} == set()


def test_the_policy_fits_into_a_managed_one():
    assert len(json.dumps(POLICY, separators=(",", ":"))) <= MAX_CHARACTERS


def test_a_role_can_be_made_and_passed_only_within_the_stack():
    for statement in statements():
        if any(action.startswith("iam:") for action in statement["Action"]):
            assert statement["Resource"] == "arn:aws:iam::*:role/s3-link-signer-*"
            assert not any("*" in action for action in statement["Action"])


def test_no_statement_reads_files_or_allows_a_whole_service():
    for statement in statements():
        assert statement["Effect"] == "Allow"
        assert not any(action.endswith(":*") or action == "*" for action in statement["Action"])
        resources = statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
        reads_objects = any(action.startswith("s3:GetObject") for action in statement["Action"])
        assert not reads_objects or resources == ["arn:aws:s3:::aws-sam-cli-managed-default-*/*"]
