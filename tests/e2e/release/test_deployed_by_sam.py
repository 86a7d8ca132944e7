"""The stack that `sam deploy` makes of what `sam build` built: it is the one that the other tests deploy, and it signs."""

from local_aws import api_client, deploying

KEY = "private-files/report.txt"


def resources(aws, stack):
    listed = aws.client("cloudformation").describe_stack_resources(StackName=stack)["StackResources"]
    return {(resource["LogicalResourceId"], resource["ResourceType"]) for resource in listed}


def test_a_link_opens(aws, stack):
    aws.client("s3").put_object(Bucket=stack.bucket, Key=KEY, Body=b"released")
    caller = api_client.create_caller(aws, stack, "release-reader")
    response = caller.request("POST", f"{stack.api_url}/links", {"key": KEY, "check": True})
    assert response.status == 200, response.body
    assert api_client.send("GET", response.json()["url"]).body == b"released"


def test_a_change_set_without_sam_makes_the_same_resources(aws, stack):
    deploying.deploy(aws, stack="without-sam", ShareLinks="yes")
    assert resources(aws, "without-sam") == resources(aws, stack.stack)
