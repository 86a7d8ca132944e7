"""The resources that template.yaml creates: authorized routes, a private bucket, log retention and alarms.

Throttling is not tested, because the local AWS ignores it.
"""

import json
import re

import pytest
from local_aws import api_client, commands, deploying

ROUTE_KEYS = {"POST /links", "POST /links/batch", "GET /download", "GET /session"}


@pytest.fixture(scope="module")
def stack_with_tokens(aws, stack):
    """A second stack, whose callers authenticate with tokens. Its issuer does not exist."""
    return deploying.deploy(
        aws,
        stack="with-tokens",
        JwtIssuer="https://issuer.invalid/realm",
        JwtAudience="links",
        Principals="alice,tenant-7|*",
        FilesPrefix="a/b-c/",
        LogRetentionDays=7,
    )


def routes(aws, deployment):
    return aws.client("apigatewayv2").get_routes(ApiId=deployment.api_id)["Items"]


def grants(aws, deployment):
    configured = aws.client("lambda").get_function_configuration(FunctionName=deployment.function)
    return json.loads(configured["Environment"]["Variables"]["GRANTS"])


def physical_id(aws, deployment, logical_id):
    found = aws.client("cloudformation").describe_stack_resource(
        StackName=deployment.stack, LogicalResourceId=logical_id
    )
    return found["StackResourceDetail"]["PhysicalResourceId"]


def test_every_route_requires_iam_authorization(aws, stack):
    assert {route["RouteKey"]: route["AuthorizationType"] for route in routes(aws, stack)} == dict.fromkeys(
        ROUTE_KEYS, "AWS_IAM"
    )


def test_with_an_issuer_every_route_requires_its_token(aws, stack_with_tokens):
    created = routes(aws, stack_with_tokens)
    assert {route["RouteKey"]: route["AuthorizationType"] for route in created} == dict.fromkeys(ROUTE_KEYS, "JWT")
    [authorizer] = aws.client("apigatewayv2").get_authorizers(ApiId=stack_with_tokens.api_id)["Items"]
    assert {route["AuthorizerId"] for route in created} == {authorizer["AuthorizerId"]}
    assert authorizer["JwtConfiguration"] == {"Issuer": "https://issuer.invalid/realm", "Audience": ["links"]}


def test_with_an_issuer_a_caller_without_a_token_is_refused_even_with_iam_permission(aws, stack_with_tokens):
    caller = api_client.create_caller(aws, stack_with_tokens, "signs-with-iam")
    assert api_client.send("GET", f"{stack_with_tokens.api_url}/session").status == 401
    assert caller.request("GET", f"{stack_with_tokens.api_url}/session").status == 401


def test_with_an_issuer_nothing_is_deployed_until_somebody_says_who_gets_links(aws):
    tokens = {"JwtIssuer": "https://issuer.invalid/realm", "JwtAudience": "links"}
    with pytest.raises(commands.Failure, match="write the sub of those who may have links as Principals"):
        deploying.deploy(aws, stack="refused", **tokens)
    with pytest.raises(commands.Failure, match="a comma too many"):
        deploying.deploy(aws, stack="refused", Principals="alice,", **tokens)


def test_the_grant_has_the_values_of_the_parameters(aws, stack, stack_with_tokens):
    assert grants(aws, stack) == [
        {
            "bucket": stack.bucket,
            "prefix": "private-files/",
            "principals": ["arn:aws:iam::*:user/reader-*"],
            "max_expires_in": 1800,
            "region": "us-east-1",
        }
    ]
    [grant] = grants(aws, stack_with_tokens)
    assert (grant["principals"], grant["prefix"]) == (["alice", "tenant-7|*"], "a/b-c/")
    assert "versions" not in grant


def test_the_settings_for_laptops_are_empty_when_deployed(aws, stack):
    configured = aws.client("lambda").get_function_configuration(FunctionName=stack.function)
    variables = configured["Environment"]["Variables"]
    assert (variables["ASSUMED_SESSION_SECONDS"], variables["ALLOW_LONG_TERM_KEYS"]) == ("", "")


def test_without_origins_no_page_of_another_origin_may_ask(aws, stack):
    asked = {"Origin": "https://app.example.com", "Access-Control-Request-Method": "POST"}
    response = api_client.send("OPTIONS", f"{stack.api_url}/links", headers=asked)
    assert response.status == 403
    assert "access-control-allow-origin" not in response.headers
    with pytest.raises(Exception, match="NoSuchCORSConfiguration"):
        aws.client("s3").get_bucket_cors(Bucket=stack.bucket)


@pytest.mark.parametrize(
    "origin",
    ["https://app.example.com/", "https://app.example.com/page", "app.example.com", "https://*.example.com",
     "https://App.example.com", "null", "https://app.example.com,x"],
)  # fmt: skip
def test_what_no_browser_sends_as_an_origin_is_refused(aws, origin):
    with pytest.raises(commands.Failure, match="AllowedOrigins"):
        deploying.deploy(aws, stack="refused", AllowedOrigins=origin)


def test_the_bucket_is_private_versioned_and_encrypted(aws, stack):
    s3, bucket = aws.client("s3"), stack.bucket
    blocked = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    assert set(blocked.values()) == {True} and len(blocked) == 4
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    [rule] = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    ownership = s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"]["Rules"]
    assert ownership == [{"ObjectOwnership": "BucketOwnerEnforced"}]


def test_the_access_log_is_json_and_contains_no_path_and_no_query(aws, stack):
    [stage] = aws.client("apigatewayv2").get_stages(ApiId=stack.api_id)["Items"]
    log_format = json.loads(stage["AccessLogSettings"]["Format"])
    variables = set(re.findall(r"\$context\.([A-Za-z.]+)", " ".join(log_format.values())))
    assert {"routeKey", "status", "requestId", "identity.userArn"} <= variables
    assert not variables & {"path", "protocol", "identity.sourceIp"}
    assert not any("query" in variable.lower() for variable in variables)


def test_every_log_group_has_a_retention(aws, stack, stack_with_tokens):
    groups = aws.client("logs").describe_log_groups()["logGroups"]
    retention = {group["logGroupName"]: group.get("retentionInDays") for group in groups}
    for deployment, days in [(stack, 30), (stack_with_tokens, 7)]:
        for logs in ("LinkSignerLogs", "ApiLogs"):
            assert retention[physical_id(aws, deployment, logs)] == days
    assert None not in retention.values()


def test_the_alarms_watch_metrics_of_this_function(aws, stack):
    alarms = aws.client("cloudwatch").describe_alarms()["MetricAlarms"]
    own = {
        (alarm["Namespace"], alarm["MetricName"])
        for alarm in alarms
        if {"Name": "FunctionName", "Value": stack.function} in alarm["Dimensions"]
    }
    assert own == {("AWS/Lambda", "Errors"), ("S3LinkSigner", "SessionUnproven")}


def test_what_the_stack_leaves_when_it_is_deleted(aws):
    """The bucket still refuses plain HTTP, and dead letters and ledger are there."""
    aws.client("sesv2").create_email_identity(EmailIdentity="leaving@example.com")
    deploying.deploy(aws, stack="leaving", MailFrom="leaving@example.com", MailAllowedRecipients="*@example.com")
    outputs = deploying.stack_outputs(aws, "leaving")
    aws.client("cloudformation").delete_stack(StackName="leaving")
    aws.client("cloudformation").get_waiter("stack_delete_complete").wait(StackName="leaving", WaiterConfig={"Delay": 1})

    [statement] = json.loads(aws.client("s3").get_bucket_policy(Bucket=outputs["FilesBucketName"])["Policy"])["Statement"]
    assert (statement["Effect"], statement["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})
    assert aws.client("sqs").get_queue_attributes(QueueUrl=outputs["MailDeadLettersUrl"], AttributeNames=["QueueArn"])
    assert aws.client("dynamodb").describe_table(TableName=outputs["MailLedgerName"])
    with pytest.raises(aws.client("sqs").exceptions.QueueDoesNotExist):
        aws.client("sqs").get_queue_attributes(QueueUrl=outputs["MailQueueUrl"], AttributeNames=["QueueArn"])


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("MailTo", "a@example.com,"),
        ("MailTo", "a@example.com,,b@example.com"),
        ("MailTo", "a%b@example.com"),
        ("MailTo", "a@example"),
        ("MailAllowedRecipients", "*@example.com,"),
        ("MailAllowedRecipients", "*@*.com"),
        ("MailAllowedRecipients", "*@example.*"),
        ("MailFrom", "files@example"),
        ("MailFrom", "files..x@example.com"),
        ("MailFromName", 'The "best"'),
        ("MailExpiresIn", "59"),
        ("MailExpiresIn", "31536001"),
    ],
)
def test_a_value_that_the_function_would_refuse_at_its_start_is_refused(aws, parameter, value):
    given = {"MailFrom": "files@example.com", "MailAllowedRecipients": "*@example.com", parameter: value}
    with pytest.raises(commands.Failure, match=parameter):
        deploying.deploy(aws, stack="refused", **given)
