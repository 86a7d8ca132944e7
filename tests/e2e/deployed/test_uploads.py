"""Uploads through the deployed stack: who may ask for them, what its roles may do, and what it sets on the bucket.

One stack has its own bucket, and callers with IAM. The other is on a bucket that was there before, and its callers have
tokens and a folder each.
"""

import json
import re
import time

import pytest
from local_aws import api_client, cognito, dashboard, deploying, existing, uploading
from local_aws.role_sessions import assume, refusal
from local_aws.template_text import Template

BUCKET = "uploads-of-the-company"
ORIGIN = "https://app.example.com"
MAX_SIZE = 20 * 2**20
ROUTES = {"POST /uploads", "POST /uploads/sign"}
UPLOADS = {"s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"}


@pytest.fixture(scope="module")
def users(aws):
    return cognito.Users(aws)


@pytest.fixture(scope="module")
def settings_before(aws):
    existing.create_bucket(aws, BUCKET)
    return existing.settings(aws, BUCKET)


@pytest.fixture(scope="module")
def with_tokens(aws, users, settings_before):
    """A stack on a bucket that was there, with a folder for each caller."""
    return deploying.deploy(
        aws,
        stack="with-uploads-and-tokens",
        ExistingBucketName=BUCKET,
        JwtIssuer=users.issuer,
        JwtAudience=users.audience,
        Principals="*",
        Uploads="yes",
        UploadsPrefix="in/{principal}/",
        UploadMaxSize=MAX_SIZE,
    )


def asking_with_token(stack, token):
    """Uploads of whoever has this token. None: without any."""
    headers = {"Content-Type": "application/json"} | ({} if token is None else {"Authorization": f"Bearer {token}"})

    def ask(path, body):
        return api_client.send("POST", f"{stack.api_url}{path}", json.dumps(body).encode(), headers)

    return uploading.Uploads(ask)


@pytest.fixture(scope="module")
def alice(with_tokens, users):
    return asking_with_token(with_tokens, users.id_token)


@pytest.fixture(params=["with IAM", "with a token"])
def either_stack(request):
    """The uploads of a caller of either stack, and the stack's bucket."""
    stack, caller = ("stack_with_uploads", "uploads") if request.param == "with IAM" else ("with_tokens", "alice")
    return request.getfixturevalue(caller), request.getfixturevalue(stack).bucket


def content_of(aws, bucket, answer):
    return aws.client("s3").get_object(Bucket=bucket, Key=answer["key"])["Body"].read()


# Uploads


def test_a_file_is_uploaded_with_one_request(aws, either_stack):
    asked, bucket = either_stack
    answer = asked.begin(name="ü + 100%.txt", size=5, content_type="text/plain")
    assert uploading.send(answer, b"right").status == 200
    assert content_of(aws, bucket, answer) == b"right"
    assert answer["session"]["evidence"] == "minted" and answer["proven"]
    assert uploading.send(answer, b"again").status == 412


def test_a_file_is_uploaded_with_a_form(aws, either_stack):
    asked, bucket = either_stack
    answer = asked.begin(name="a.txt", content_type="text/plain", form=True)
    assert uploading.send_form(answer, b"right").status == 201
    assert content_of(aws, bucket, answer) == b"right"


def test_a_file_is_uploaded_in_parts(aws, either_stack):
    asked, bucket = either_stack
    upload = asked.in_parts(b"a" * 5 * 2**20 + b"the rest", name="a.bin", content_type="text/plain")
    upload.send_parts()
    assert len(upload.parts()) == 2
    assert upload.complete().status == 200
    assert content_of(aws, bucket, upload.begun) == upload.content


def test_an_upload_in_parts_is_aborted(aws, either_stack):
    asked, bucket = either_stack
    upload = asked.in_parts(b"a" * 7, name="a.bin")
    upload.send_parts()
    assert upload.abort().status == 204
    left = aws.client("s3").list_multipart_uploads(Bucket=bucket).get("Uploads", [])
    assert upload.upload_id not in [one["UploadId"] for one in left]


def test_uppy_s_steps_are_signed(aws, either_stack):
    asked, bucket = either_stack
    answer = asked.sign("PUT", key="photo.png", contentType="image/png", expiresIn=60, size=5)
    assert answer["key"].endswith("/photo.png") and answer["expires_in"] <= 60
    assert uploading.send(answer, b"right").status == 200
    assert content_of(aws, bucket, answer) == b"right"


def test_a_file_above_the_stack_s_size_is_refused(either_stack):
    asked, _ = either_stack
    assert asked.begin(name="a", size=MAX_SIZE)["size"] == MAX_SIZE
    assert asked.refused("/uploads", name="a", size=MAX_SIZE + 1)["code"] == "upload-not-allowed"


# Who may ask


def test_whoever_has_no_grant_may_not_upload(uploads, uploads_of_stranger):
    assert uploads_of_stranger.refused("/uploads", name="a", size=1)["code"] == "not-granted"
    key = uploads.begin(name="a", size=1)["key"]
    step = {"method": "GET", "key": key, "uploadId": "u"}
    assert uploads_of_stranger.refused("/uploads/sign", **step)["code"] == "not-granted"


def test_without_credentials_the_api_refuses(stack_with_uploads, with_tokens):
    for path in ("/uploads", "/uploads/sign"):
        assert api_client.send("POST", f"{stack_with_uploads.api_url}{path}", b"{}").status == 403
        assert asking_with_token(with_tokens, None).refused(path) == {"message": "Unauthorized"}
        assert asking_with_token(with_tokens, "no.token.atall").refused(path) == {"message": "Unauthorized"}


def test_each_caller_with_a_token_uploads_to_a_folder_of_their_own(aws, users, with_tokens, alice):
    own = alice.begin(name="a", size=1)["key"]
    assert own.startswith("in/") and own.count("/") == 3
    sub = own.split("/")[1]
    assert sub not in ("", "{principal}")
    others = own.replace(sub, "someone-else")
    for step in ({"method": "PUT", "partNumber": 1, "size": 1}, {"method": "POST", "size": 1}, {"method": "DELETE"}):
        assert alice.sign(**step, key=own, uploadId="u")["key"] == own
        problem = alice.refused("/uploads/sign", **step, key=others, uploadId="u")
        assert problem["code"] == "not-granted"


def test_a_key_outside_is_not_signed(uploads):
    for key in ("private-files/a.txt", "uploads/a.txt", "elsewhere/a.txt"):
        assert uploads.refused("/uploads", key=key, size=1)["code"] == "not-granted"
        step = {"method": "PUT", "uploadId": "u", "partNumber": 1, "size": 1}
        assert uploads.refused("/uploads/sign", key=key, **step)["code"] == "not-granted"


# Roles


@pytest.fixture(scope="module")
def of_the_function(aws, stack_with_uploads):
    return assume(aws, stack_with_uploads.role_arn)


def test_the_upload_role_may_write_with_the_prefix_and_nothing_else(aws, stack_with_uploads, of_the_function):
    s3 = aws.client("s3", assume(aws, stack_with_uploads.upload_role_arn, of_the_function))
    bucket = stack_with_uploads.bucket
    s3.put_object(Bucket=bucket, Key="uploads/by hand.txt", Body=b"x")
    for key in ("private-files/a.txt", "elsewhere/a.txt", "uploads", "Uploads/a.txt"):
        assert refusal(s3.put_object, Bucket=bucket, Key=key, Body=b"x") == "AccessDenied"
        assert refusal(s3.create_multipart_upload, Bucket=bucket, Key=key) == "AccessDenied"
    for call in (s3.get_object, s3.delete_object):
        assert refusal(call, Bucket=bucket, Key="uploads/by hand.txt") == "AccessDenied"
    for call in (s3.list_objects_v2, s3.list_multipart_uploads):
        assert refusal(call, Bucket=bucket) == "AccessDenied"
    assert refusal(aws.client("iam", assume(aws, stack_with_uploads.upload_role_arn, of_the_function)).list_users) == "AccessDenied"


def test_the_upload_role_reaches_the_folders_of_callers_and_nothing_beside_them(aws, with_tokens):
    started = assume(aws, with_tokens.upload_role_arn, assume(aws, with_tokens.role_arn))
    s3 = aws.client("s3", started)
    s3.put_object(Bucket=BUCKET, Key="in/alice/a.txt", Body=b"x")
    for key in ("in/a.txt", "elsewhere/in/alice/a.txt", "private-files/a.txt"):
        assert refusal(s3.put_object, Bucket=BUCKET, Key=key, Body=b"x") == "AccessDenied"


def test_the_roles_that_sign_downloads_may_not_write(aws, stack_with_uploads, of_the_function):
    for credentials in (of_the_function, assume(aws, stack_with_uploads.session_role_arn, of_the_function)):
        s3 = aws.client("s3", credentials)
        for key in ("uploads/a.txt", "private-files/a.txt"):
            assert refusal(s3.put_object, Bucket=stack_with_uploads.bucket, Key=key, Body=b"x") == "AccessDenied"
            assert refusal(s3.create_multipart_upload, Bucket=stack_with_uploads.bucket, Key=key) == "AccessDenied"


def test_only_the_function_may_assume_the_upload_role(aws, stack_with_uploads, of_the_function):
    role = aws.client("iam").get_role(RoleName=stack_with_uploads.upload_role_arn.rsplit("/", 1)[1])["Role"]
    [statement] = role["AssumeRolePolicyDocument"]["Statement"]
    assert (statement["Principal"], statement["Action"]) == ({"AWS": stack_with_uploads.role_arn}, "sts:AssumeRole")
    signs_downloads = assume(aws, stack_with_uploads.session_role_arn, of_the_function)
    writes = assume(aws, stack_with_uploads.upload_role_arn, of_the_function)
    for credentials in (signs_downloads, writes):
        arguments = {"aws": aws, "role_arn": stack_with_uploads.upload_role_arn, "credentials": credentials}
        assert refusal(assume, **arguments) == "AccessDenied"


def test_the_upload_role_has_three_permissions(aws, stack_with_uploads):
    iam, role = aws.client("iam"), stack_with_uploads.upload_role_arn.rsplit("/", 1)[1]
    assert iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"] == []
    [policy] = iam.list_role_policies(RoleName=role)["PolicyNames"]
    [statement] = iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]["Statement"]
    assert set(statement["Action"]) == UPLOADS
    assert statement["Resource"] == f"arn:aws:s3:::{stack_with_uploads.bucket}/uploads/*"


# The bucket


def preflight(aws, bucket, method, headers, origin=ORIGIN):
    """What S3 answers a browser that asks whether a page may send such a request."""
    asked = {"Origin": origin, "Access-Control-Request-Method": method, "Access-Control-Request-Headers": headers}
    return api_client.send("OPTIONS", f"{aws.url}/{bucket}/uploads/a", headers=asked)


def test_a_page_of_an_allowed_origin_may_upload(aws, stack_with_uploads, uploads):
    put = uploads.begin(name="a", size=1, content_type="text/plain")
    checksum = "x-amz-checksum-sha256"
    for method, headers in [
        ("PUT", ",".join(sorted(put["headers"]))),
        ("PUT", f"content-type,{checksum}"),
        ("POST", "content-type,if-none-match,x-amz-mp-object-size"),
        ("GET", "range"),
        ("DELETE", ""),
    ]:
        assert preflight(aws, stack_with_uploads.bucket, method, headers).status == 200, (method, headers)
    assert preflight(aws, stack_with_uploads.bucket, "PUT", "content-type", "https://evil.example").status == 403
    assert preflight(aws, stack_with_uploads.bucket, "PUT", "authorization").status == 403


def test_a_page_may_read_the_tag_of_a_part(aws, stack_with_uploads):
    [rule] = aws.client("s3").get_bucket_cors(Bucket=stack_with_uploads.bucket)["CORSRules"]
    assert rule["AllowedOrigins"] == [ORIGIN]
    assert {"ETag", "x-amz-abort-date"} <= set(rule["ExposeHeaders"])


def test_unfinished_uploads_end_after_the_stack_s_days():
    """The local AWS sets no lifecycle of a template's bucket."""
    for days in (3, 7):
        rules = Template(Uploads="yes", UnfinishedUploadDays=days).properties("FilesBucket")["LifecycleConfiguration"]["Rules"]
        [rule] = [rule for rule in rules if "AbortIncompleteMultipartUpload" in rule]
        assert int(rule["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"]) == days


def test_an_existing_bucket_stays_as_it_was(aws, with_tokens, settings_before):
    assert existing.settings(aws, BUCKET) == settings_before


# What is seen of it


def test_the_dashboard_counts_what_the_function_logs(aws, stack_with_uploads, uploads):
    uploads.begin(name="a", size=1)
    uploads.refused("/uploads", name="a", size=MAX_SIZE + 1)
    widgets = {widget["properties"]["title"]: widget["properties"] for widget in dashboard.widgets(aws, "with-uploads")}
    counted = re.findall(r"sum\((\w+)\)", widgets["Uploads"]["query"])
    assert counted == ["UploadsSigned", "UploadsRefused"]
    group, message = re.match(r"SOURCE '(.+)' \| filter message = '(.+)' \|", widgets["Refusals of uploads by code"]["query"]).groups()
    deadline = time.monotonic() + 10
    while True:
        pages = aws.client("logs").get_paginator("filter_log_events").paginate(logGroupName=group)
        messages = [event["message"] for page in pages for event in page["events"]]
        lines = [json.loads(text) for text in messages if text.startswith("{")]
        codes = {line["code"] for line in lines if line.get("message") == message}
        if "upload-not-allowed" in codes and set(counted) <= {name for line in lines for name in line}:
            return
        assert time.monotonic() < deadline, codes
        time.sleep(0.2)


# Off


def test_without_the_parameter_nothing_of_it_exists(aws, stack, reader):
    assert stack.upload_role_arn is None
    routes = aws.client("apigatewayv2").get_routes(ApiId=stack.api_id)["Items"]
    assert not ROUTES & {route["RouteKey"] for route in routes}
    configured = aws.client("lambda").get_function_configuration(FunctionName=stack.function)
    variables = configured["Environment"]["Variables"]
    assert "UPLOAD_ROLE_ARN" not in variables and '"put"' not in variables["GRANTS"]
    pages = aws.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack.stack)
    names = {resource["LogicalResourceId"] for page in pages for resource in page["StackResourceSummaries"]}
    assert not [name for name in names if "Upload" in name]
    for path in ("/uploads", "/uploads/sign"):
        assert reader.request("POST", f"{stack.api_url}{path}", {"name": "a", "size": 1}).status == 404


def test_with_it_the_routes_have_the_stack_s_authorizer(aws, stack_with_uploads, with_tokens):
    for stack, authorized in ((stack_with_uploads, "AWS_IAM"), (with_tokens, "JWT")):
        routes = aws.client("apigatewayv2").get_routes(ApiId=stack.api_id)["Items"]
        found = {route["RouteKey"]: route["AuthorizationType"] for route in routes if route["RouteKey"] in ROUTES}
        assert found == dict.fromkeys(ROUTES, authorized)
