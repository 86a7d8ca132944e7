"""The steps about links: the function, its session, a file, a link to it, a share of it, and what must be refused."""

import time
import uuid
from urllib.parse import urlsplit, urlunsplit

from botocore.exceptions import ClientError

from . import requests, shares
from .report import Failed, Skipped

CONTENT = b"s3-link-signer: smoke test\n"


def check(stack, report):
    functions(stack, report)
    session(stack, report)
    key = new_key(stack)
    s3, bucket = stack.client("s3"), stack.outputs["FilesBucketName"]
    uploaded = False
    with report.step("upload a file") as seen:
        # No mail: nobody is allowed to have one at this address.
        s3.put_object(Bucket=bucket, Key=key, Body=CONTENT, Metadata={"link-to": "nobody@smoke-test.invalid"})
        uploaded = True
        seen.append(f"s3://{bucket}/{key}")
    try:
        file(stack, report, bucket, key)
        shares.check(stack, report, key, CONTENT)
    finally:
        if uploaded:
            remove(s3, bucket, key)


def new_key(stack):
    """A key that callers, or the caller with the token, may have links to if FilesPrefix is what grants them."""
    prefix = stack.parameters.get("FilesPrefix", "private-files/")
    if "{principal}" in prefix and stack.token:
        prefix = prefix.replace("{principal}", requests.subject(stack.token))
    return f"{prefix}smoke-{uuid.uuid4()}.txt"


def functions(stack, report):
    with report.step("the functions are ready") as seen:
        wanted = stack.parameters.get("Architecture", "x86_64")
        for output in ("LinkSignerName", "LinkMailerName"):
            if output not in stack.outputs:
                continue
            function = stack.client("lambda").get_function_configuration(FunctionName=stack.outputs[output])
            built_for, state = function["Architectures"][0], function.get("State", "Active")
            seen.append(f"{output} {state}, {built_for}")
            if state != "Active" or built_for != wanted:
                raise Failed(f"{output} is {state} for {built_for}; build and deploy with Architecture={wanted}")


def session(stack, report):
    with report.step("GET /session") as seen:
        response = call_until_known(stack)
        if response.status != 200:
            raise Failed(explained(response))
        answer = response.json()
        if not answer["proven"]:
            raise Failed("; ".join(answer["findings"]))
        evidence = answer["session"]["evidence"]
        seen.append(f"{evidence}, a link could last {answer['available']['expires_in']} s now")
        if evidence == "minted":
            seen.append("an hour at most: `aws iam enable-outbound-web-identity-federation` gives up to twelve")


def call_until_known(stack):
    """IAM takes some seconds to know the policies of new roles, and the function asks STS again after half a minute."""
    deadline = time.monotonic() + 60
    while True:
        response = requests.call(stack.session, "GET", f"{stack.outputs['ApiUrl']}/session", token=stack.token)
        known = response.status == 200 and response.json()["proven"]
        if known or response.status == 403 or time.monotonic() > deadline:
            return response
        time.sleep(5)


def explained(response):
    if response.status == 403:
        return (
            f"{response.problem()}; you need execute-api:Invoke on the API, and a name that Principals admits "
            "(or SMOKE_TOKEN, if JwtIssuer is set)"
        )
    return response.problem()


def file(stack, report, bucket, key):
    api, link = stack.outputs["ApiUrl"], None
    with report.step("POST /links") as seen:
        body = {"key": key, "expires_in": 900}
        response = requests.call(stack.session, "POST", f"{api}/links", body, stack.token)
        if response.status != 200:
            raise Failed(explained(response))
        link = response.json()
        seen.append(f"works for {link['expires_in']} s, limited by the {link['limited_by']}")
    with report.step("the link downloads the file") as seen:
        if link is None:
            raise Skipped("there is no link")
        opened = requests.send("GET", link["url"])
        if (opened.status, opened.body) != (200, CONTENT):
            raise Failed(f"S3 answered {opened.status}; docs/operations.md, \"When a link answers 403\"")
        seen.append(f"{len(CONTENT)} bytes")
    with report.step("nobody else gets the file") as seen:
        if link is None:
            raise Skipped("there is no link")
        parts = urlsplit(link["url"])
        unsigned = requests.send("GET", urlunsplit(parts._replace(query="")))
        unauthenticated = requests.send("POST", f"{api}/links", b"{}")
        elsewhere = {"key": f"elsewhere/{uuid.uuid4()}", "bucket": bucket}
        not_granted = requests.call(stack.session, "POST", f"{api}/links", elsewhere, stack.token)
        statuses = {
            "S3 without a signature": unsigned.status,
            "the API without a signature": unauthenticated.status,
            "a file elsewhere": not_granted.status,
        }
        seen.append(", ".join(f"{what} {status}" for what, status in statuses.items()))
        if not set(statuses.values()) <= {401, 403}:
            raise Failed(f"not all of these are 401 or 403: {seen[0]}")
    with report.step("the log names the link's id") as seen:
        if link is None:
            raise Skipped("there is no link")
        wait_for_log_line(stack, link["link_id"])
        seen.append(link["link_id"])


def wait_for_log_line(stack, link_id):
    function = stack.client("lambda").get_function_configuration(FunctionName=stack.outputs["LinkSignerName"])
    group, logs = function["LoggingConfig"]["LogGroup"], stack.client("logs")
    began = int((time.time() - 300) * 1000)
    deadline = time.monotonic() + 30
    while True:
        try:
            found = logs.filter_log_events(logGroupName=group, startTime=began, filterPattern=f'"{link_id}"')
        except ClientError as error:
            raise Skipped(f"you may not read {group} ({error.response['Error']['Code']})") from error
        if any(link_id in event["message"] for event in found["events"]):
            return
        if time.monotonic() > deadline:
            raise Failed(f"no line in {group} names {link_id} after 30 s; is the log's level above INFO?")
        time.sleep(2)


def remove(s3, bucket, key):
    """Delete all versions of the file, so that nothing is left of it."""
    versions = s3.list_object_versions(Bucket=bucket, Prefix=key)
    for version in [*versions.get("Versions", []), *versions.get("DeleteMarkers", [])]:
        s3.delete_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])
