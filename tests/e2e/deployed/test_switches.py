"""Each switch of the template, put on and off in a stack that is deployed. What it brought is gone then.

`sam deploy` keeps the last value of a parameter that is not named, and so does `deploying.deploy`. So off is a value:
the one in samconfig.example.toml.
"""

import json

import pytest
from local_aws import deploying, example_config, existing
from local_aws.template_text import Template

OFF = example_config.parameters()
BOUNDARY = "arn:aws:iam::000000000000:policy/switched-boundary"
MAILS = {"MailFrom": "switched@example.com", "MailAllowedRecipients": "*@example.com"}
SHARES = {"ShareLinks": "yes"}
TOKENS = {"JwtIssuer": "https://issuer.invalid", "JwtAudience": "links", "Principals": "alice"}

# What is on before, and what is put on and off.
SWITCHES = [
    ({}, SHARES),
    ({}, MAILS),
    (MAILS, SHARES),
    (SHARES, MAILS),
    ({}, TOKENS),
    (SHARES, TOKENS),
    ({}, {"AllowedOrigins": "https://app.example.com,https://other.example.com"}),
    (SHARES, {"AllowedOrigins": "*"}),
    (SHARES, {"PublicUrl": "https://files.example.com", "ShareFromName": "Example & Sons"}),
    ({**SHARES, **MAILS}, {"PublicUrl": "https://files.example.com"}),
    (MAILS, {"MailFromName": "Example", "MailTo": "a@example.com", "MailExpiresIn": "900", "MailRegion": "eu-west-1"}),
    ({}, {"Grants": '[{"bucket":"a","prefix":"b/","principals":["*"]}]'}),
    (MAILS, {"Grants": "s3://my-config/grants.json"}),
    ({}, {"ReadableObjects": "arn:aws:s3:::finance/reports/*,arn:aws:s3:::finance"}),
    (MAILS, {"KmsKeyArn": "arn:aws:kms:us-east-1:000000000000:key/1234abcd-12ab-34cd-56ef-1234567890ab"}),
    ({}, {"Doctor": "no"}),
    ({}, {"AccessLogs": "no"}),
    ({**SHARES, **MAILS}, {"AlarmTopicArn": "arn:aws:sns:us-east-1:000000000000:alarms"}),
    (MAILS, {"PermissionsBoundary": BOUNDARY}),
    ({}, {"Uploads": "yes"}),
    ({**SHARES, "AllowedOrigins": "*"}, {"Uploads": "yes", "UploadsPrefix": "in/{principal}/"}),
]


def test_every_switch_is_put_on_and_off():
    parameters = Template().text["Parameters"]
    switches = {name for name in OFF if str(parameters[name]["Default"]) in ("", "0", "no", "yes")}
    # A stack can't go back to its own bucket, which has kept its name, and test_old_share_addresses.py ends old addresses.
    # The local AWS passes over a bucket's lifecycle rules and a function's concurrency: test_template_text.py has these.
    left_out = {"ExistingBucketName", "OldShareAddresses", "OldVersionDays", "ReservedConcurrency"}
    assert switches - {name for _, on in SWITCHES for name in on} == left_out


@pytest.fixture(scope="module")
def switched(aws):
    aws.client("iam").create_policy(
        PolicyName=BOUNDARY.rsplit("/", 1)[1],
        PolicyDocument=json.dumps(
            {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
        ),
    )
    aws.client("sesv2").create_email_identity(EmailIdentity=MAILS["MailFrom"])
    deployed = deploying.deploy(aws, stack="switched", **off(["OldShareAddresses"]))
    return deployed, everything(aws)


@pytest.mark.parametrize(("before", "on"), SWITCHES, ids=lambda given: "+".join(given) or "nothing")
def test_what_was_put_on_and_off_is_as_if_it_had_never_been_on(aws, switched, before, on):
    stack, at_first = switched
    without = at_first
    if before:
        deploying.deploy(aws, stack="switched", **before)
        without = everything(aws)
    deploying.deploy(aws, stack="switched", **on)
    assert everything(aws) != without
    after = deploying.deploy(aws, stack="switched", **off(on))
    assert everything(aws) == without
    if before:
        after = deploying.deploy(aws, stack="switched", **off(before))
        assert everything(aws) == at_first
    assert (after.api_id, after.bucket, after.function) == (stack.api_id, stack.bucket, stack.function)


def test_what_is_not_named_stays_on(aws, switched):
    deploying.deploy(aws, stack="switched", **SHARES)
    deploying.deploy(aws, stack="switched", MaxExpiresIn=7200)
    assert "GET /s/{token}" in str(everything(aws))
    deploying.deploy(aws, stack="switched", MaxExpiresIn=3600, **off(SHARES))
    assert everything(aws) == switched[1]


def off(names):
    return {name: OFF[name] for name in names}


def everything(aws):
    """All that the stack is, with its resources called as the template calls them. What is kept outside is no part of it."""
    cloudformation = aws.client("cloudformation")
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName="switched")
    resources = [one for page in pages for one in page["StackResourceSummaries"]]
    ids = {one["PhysicalResourceId"]: one["LogicalResourceId"] for one in resources}
    found = {"resources": sorted((one["LogicalResourceId"], one["ResourceType"]) for one in resources)}
    found["outputs"] = deploying.stack_outputs(aws, "switched")
    for one in resources:
        describe = DESCRIPTIONS.get(one["ResourceType"])
        if describe:
            found[one["LogicalResourceId"]] = describe(aws, one["PhysicalResourceId"])
    text = json.dumps(found, default=str, sort_keys=True)
    for physical in sorted(ids, key=len, reverse=True):
        text = text.replace(physical, f"<{ids[physical]}>")
    return json.loads(text)


def api(aws, api_id):
    client = aws.client("apigatewayv2")
    [stage] = client.get_stages(ApiId=api_id)["Items"]
    routes = client.get_routes(ApiId=api_id, MaxResults="100")["Items"]
    return {
        "cors": client.get_api(ApiId=api_id).get("CorsConfiguration"),
        "stage": [stage.get(name) or None for name in ("DefaultRouteSettings", "RouteSettings", "AccessLogSettings")],
        "routes": sorted((one["RouteKey"], one["AuthorizationType"], one.get("AuthorizerId")) for one in routes),
        "authorizers": [one["JwtConfiguration"] for one in client.get_authorizers(ApiId=api_id)["Items"]],
    }


def function(aws, name):
    configured = aws.client("lambda").get_function_configuration(FunctionName=name)
    return [configured["Environment"], configured["LoggingConfig"]]


def role(aws, name):
    client = aws.client("iam")
    policies = client.list_role_policies(RoleName=name)["PolicyNames"]
    documents = {one: client.get_role_policy(RoleName=name, PolicyName=one)["PolicyDocument"] for one in policies}
    return [documents, client.get_role(RoleName=name)["Role"].get("PermissionsBoundary")]


def alarm(aws, name):
    [found] = aws.client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"]
    return [found["MetricName"], found["AlarmActions"], found["OKActions"]]


DESCRIPTIONS = {
    "AWS::ApiGatewayV2::Api": api,
    "AWS::Lambda::Function": function,
    "AWS::IAM::Role": role,
    "AWS::S3::Bucket": existing.settings,
    "AWS::CloudWatch::Alarm": alarm,
    "AWS::CloudWatch::Dashboard": lambda aws, name: aws.client("cloudwatch").get_dashboard(DashboardName=name)["DashboardBody"],
}
