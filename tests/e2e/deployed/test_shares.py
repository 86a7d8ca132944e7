"""Shares of a deployed stack: made by a caller, opened by anyone at the shares' own API, counted, changed and revoked."""

import base64
import hashlib
import json
import os
import re
import subprocess
import time
import uuid
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from botocore.exceptions import ClientError
from local_aws import api_client, deploying, inbox, paths
from local_aws.template_text import Template

PLAIN = {"Accept": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
PATH = os.environ["PATH"]
OPERATIONS = paths.ROOT / "docs" / "operations.md"


@pytest.fixture(scope="module")
def stack(stack_with_shares):
    return stack_with_shares


@pytest.fixture(scope="module")
def alice(sharer):
    """The owner of the shares."""
    return sharer


@pytest.fixture(scope="module")
def bob(aws, stack):
    """Another owner."""
    return api_client.create_caller(aws, stack, "sharer-bob")


@pytest.fixture(scope="module")
def table(aws, stack):
    return deploying.stack_outputs(aws, stack.stack)["SharesTableName"]


def press(url, body="", headers=FORM):
    return api_client.send("POST", url, body.encode(), headers)


def own(stack, caller, made):
    """A share as its owner reads it."""
    return caller.request("GET", f"{stack.api_url}/shares/{made['share_id']}").json()


def lines(aws, stack):
    """The function's lines that are JSON."""
    group = aws.client("lambda").get_function_configuration(FunctionName=stack.function)["LoggingConfig"]["LogGroup"]
    pages = aws.client("logs").get_paginator("filter_log_events").paginate(logGroupName=group)
    texts = [event["message"] for page in pages for event in page["events"]]
    return [json.loads(text) for text in texts if text.startswith("{")]


def counted(aws, stack, name):
    """The sum of a field that Logs Insights sums up for the dashboard."""
    return sum(line.get(name, 0) for line in lines(aws, stack))


def logged(aws, stack, message, **fields):
    """The function's lines with a message and these fields, once there is one."""
    deadline = time.monotonic() + 10
    while True:
        found = [line for line in lines(aws, stack) if {**line, **fields, "message": message} == line]
        if found or time.monotonic() > deadline:
            return found
        time.sleep(0.2)


# Anyone who has the address


def test_a_share_is_opened_without_credentials_and_gives_the_right_bytes(stack, alice, share, address):
    content = bytes(range(256)) * 100
    made = share(content, expires_in=3600, max_downloads=2)
    assert (made["expires_in"], made["limited_by"], made["size"]) == (3600, "request", len(content))
    url = address(made)

    page = api_client.send("GET", url)
    assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert b"report.txt" in page.body and b"<form" in page.body
    assert (page.headers["cache-control"], page.headers["referrer-policy"]) == ("no-store", "no-referrer")
    head = api_client.send("HEAD", url)
    assert (head.status, head.body) == (200, b"")
    facts = api_client.send("GET", url, headers=PLAIN).json()
    assert (facts["state"], facts["downloads_left"], facts["owner"]) == ("active", 2, "Example & Sons")
    assert own(stack, alice, made)["downloads"] == 0

    pressed = press(url)
    assert (pressed.status, pressed.headers["cache-control"]) == (303, "no-store")
    location = pressed.headers["location"]
    assert parse_qs(urlsplit(location).query)["X-Amz-Expires"] == ["300"]
    opened = api_client.send("GET", location)
    assert (opened.status, opened.body) == (200, content)
    assert own(stack, alice, made)["downloads"] == 1


@pytest.mark.parametrize("name", ["Résumé 2026 — übergröße 日本語.pdf", "quotes'\"(and) 100% + plus & more.txt"])
def test_a_download_has_the_file_s_own_name(share, name, address):
    pressed = press(address(share(b"x", name)))
    opened = api_client.send("GET", pressed.headers["location"])
    disposition = opened.headers["content-disposition"]
    assert disposition.startswith("attachment") and unquote(disposition.split("filename*=UTF-8''")[1]) == name
    assert opened.body == b"x"


def test_the_documented_command_downloads_the_file_under_its_name(stack, alice, share, tmp_path, address):
    [command] = re.findall(r"`(curl [^`]*URL)`", (paths.ROOT / "docs" / "reference.md").read_text(encoding="utf-8"))
    assert command == "curl -fLOJ -d '' URL"
    made = share(b"with a shell", "from a shell.txt")
    done = subprocess.run(
        ["sh", "-c", command.replace("URL", address(made))],
        cwd=tmp_path,
        env={"PATH": PATH, "no_proxy": "*"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == {"from a shell.txt": b"with a shell"}
    assert own(stack, alice, made)["downloads"] == 1


def test_a_passcode_is_wanted_and_read_from_the_form(share, address):
    made = share(b"secret", passcode="correct horse")
    url = address(made)
    assert b"report.txt" not in api_client.send("GET", url).body
    for body, code in [("", "passcode-wanted"), ("passcode=wrong", "passcode-wrong")]:
        refused = press(url, body, FORM | PLAIN)
        assert (refused.status, refused.json()["code"]) == (403, code)
    pressed = press(url, "passcode=correct+horse")
    assert (pressed.status, api_client.send("GET", pressed.headers["location"]).body) == (303, b"secret")


def test_the_same_browser_may_press_again_uncounted_and_another_may_not(stack, alice, share, address):
    made = share(max_downloads=1)
    url = address(made)
    first = press(url)
    cookie = first.headers["set-cookie"]
    assert f"Path=/s/{url.rsplit('/', 1)[1]};" in cookie
    assert {"Secure", "HttpOnly", "SameSite=Lax"} <= {part.strip() for part in cookie.split(";")}
    again = press(url, headers=FORM | {"Cookie": cookie.split(";")[0]})
    assert (first.status, again.status) == (303, 303)
    other = press(url, headers=FORM | PLAIN)
    assert (other.status, other.json()["code"]) == (410, "share-used-up")
    assert own(stack, alice, made)["downloads"] == 1


def test_an_address_that_never_was_is_not_found(stack):
    for token in ["a", base64.urlsafe_b64encode(bytes(32)).decode().rstrip("=")]:
        assert api_client.send("GET", f"{stack.share_api_url}/s/{token}").status == 404
        assert press(f"{stack.share_api_url}/s/{token}").status == 404


def test_people_paste_more_than_the_address(share, address):
    url = address(share(b"pasted"))
    for pasted in ("/", "/x/y"):
        assert (api_client.send("GET", url + pasted).status, press(url + pasted).status) == (200, 303), pasted
        assert api_client.send("HEAD", url + pasted).status == 200


def test_neither_api_has_what_the_other_has(stack, share, address):
    """The gateway answers, before the function is asked."""
    for method, path in [("POST", "/links"), ("GET", "/session"), ("GET", "/shares"), ("GET", "/"), ("GET", "/s")]:
        response = api_client.send(method, stack.share_api_url + path)
        assert (response.status, response.json()) == (404, {"message": "Not Found"}), path
    token = address(share()).rsplit("/", 1)[1]
    for method in ("GET", "HEAD", "POST"):
        assert api_client.send(method, f"{stack.api_url}/s/{token}").status == 404, method


def test_no_page_of_another_origin_reads_what_a_share_answers(aws):
    stack = deploying.deploy(aws, stack="with-origins", ShareLinks="yes", OldShareAddresses="no", AllowedOrigins="*")
    asked = {"Origin": "https://app.example.com", "Access-Control-Request-Method": "POST"}
    assert "access-control-allow-origin" in api_client.send("OPTIONS", f"{stack.api_url}/links", headers=asked).headers
    for method in ("OPTIONS", "GET", "POST"):
        response = api_client.send(method, f"{stack.share_api_url}/s/a", headers=asked)
        assert not [name for name in response.headers if name.startswith("access-control-")], method


# Its owner


def test_an_owner_lists_changes_and_revokes(stack, alice, share, address):
    made = [share(note=f"number {number}") for number in range(3)]
    url = address(made[0])
    # DynamoDB's index sorts by whole seconds, so shares of the same second have no order.
    listed = alice.request("GET", f"{stack.api_url}/shares?limit=100").json()["shares"]
    instants = [one["created_at"] for one in listed]
    assert instants == sorted(instants, reverse=True)
    of_mine = {one["share_id"]: one for one in listed}
    for one in made:
        # All that a share has comes from the index, too.
        assert of_mine[one["share_id"]] == own(stack, alice, one)
    page = alice.request("GET", f"{stack.api_url}/shares?limit=2").json()
    assert len(page["shares"]) == 2
    rest = alice.request("GET", f"{stack.api_url}/shares?limit=100&cursor={api_client.encode_query(page['next'])}").json()
    assert {one["share_id"] for one in page["shares"] + rest["shares"]} == of_mine.keys()

    one = f"{stack.api_url}/shares/{made[0]['share_id']}"
    assert press(url).status == 303
    changed = alice.request("PATCH", one, {"max_downloads": 1, "expires_in": 600})
    assert (changed.status, changed.json()["state"], changed.json()["max_downloads"]) == (200, "used_up", 1)
    assert press(url).status == 410
    assert alice.request("PATCH", one, {"max_downloads": None}).json()["state"] == "active"
    assert press(url).status == 303

    for _ in range(2):
        assert alice.request("DELETE", one).status == 204
    refused = press(url, headers=FORM | PLAIN)
    assert (refused.status, refused.json()["code"]) == (410, "share-withdrawn")
    page = api_client.send("GET", url)
    assert page.status == 410 and b"report.txt" not in page.body
    assert (own(stack, alice, made[0])["state"], own(stack, alice, made[0])["downloads"]) == ("withdrawn", 2)
    assert alice.request("PATCH", one, {"expires_in": 600}).status == 409


def test_the_grant_shortens_a_share(share):
    made = share(expires_in=7 * 86400)
    assert (made["expires_in"], made["limited_by"]) == (86400, "grant")


def test_nobody_but_a_caller_with_permission_and_grant_comes_to_shares(aws, stack, bob, share, address):
    made = share()
    for method, path in [("POST", ""), ("GET", ""), *[(method, f"/{made['share_id']}") for method in ("GET", "PATCH", "DELETE")]]:
        assert api_client.send(method, f"{stack.api_url}/shares{path}").status == 403, (method, path)
    one = f"{stack.api_url}/shares/{made['share_id']}"
    for method, body in [("GET", None), ("PATCH", {"expires_in": 600}), ("DELETE", None)]:
        response = bob.request(method, one, body)
        assert (response.status, response.json()["code"]) == (404, "no-such-share")
    stranger = api_client.create_caller(aws, stack, "not-a-sharer")
    refused = stranger.request("POST", f"{stack.api_url}/shares", {"key": made["key"]})
    assert (refused.status, refused.json()["code"]) == (403, "not-granted")
    assert api_client.send("GET", address(made)).status == 200


# Operators


def operate(client, stack, **operation):
    response = client.invoke(FunctionName=stack.function, Payload=json.dumps({"shares": operation}))
    return json.loads(response["Payload"].read())


def test_who_may_invoke_the_function_lists_and_revokes_the_shares_of_a_recipient(aws, stack, share, address):
    recipient = f"{uuid.uuid4()}@example.com"
    theirs, others = [share(recipient=recipient) for _ in range(2)], share(recipient="carol@example.com")
    operator = aws.client("lambda")
    listed = operate(operator, stack, list={"recipient": recipient})
    assert {one["share_id"] for one in listed["shares"]} == {one["share_id"] for one in theirs}
    assert {one["state"] for one in listed["shares"]} == {"active"} and "next" not in listed
    assert operate(operator, stack, revoke={"recipient": recipient})["revoked"] == 2
    assert [press(address(one)).status for one in [*theirs, others]] == [410, 410, 303]


def test_who_may_not_invoke_the_function_is_no_operator(aws, stack, alice, share, address):
    keys = {"AccessKeyId": alice.access_key_id, "SecretAccessKey": alice.secret_access_key}
    made = share()
    with pytest.raises(ClientError, match="AccessDenied"):
        operate(aws.client("lambda", keys), stack, revoke={"all": True})
    # Neither does the event come through the API.
    sent = alice.request("POST", f"{stack.api_url}/shares", {"shares": {"revoke": {"all": True}}})
    assert sent.status == 400
    assert press(address(made)).status == 303


def test_the_documented_line_tells_a_share_s_id_from_its_address(share):
    [line] = re.findall(r"^read -rs URL; (.*)$", OPERATIONS.read_text(encoding="utf-8"), re.MULTILINE)
    made = share()
    done = subprocess.run(
        ["bash", "-c", line], env={"PATH": PATH, "URL": made["url"]}, capture_output=True, text=True, timeout=30, check=True
    )
    assert done.stdout == made["share_id"]


# Mails


def test_a_mail_brings_a_share_that_opens_at_the_shares_own_api_and_is_taken_back(aws, stack, alice, bob, table):
    recipient, key = f"{uuid.uuid4()}@example.com", f"private-files/{uuid.uuid4()}/mailed.txt"
    aws.client("s3").put_object(Bucket=stack.bucket, Key=key, Body=b"mailed", Metadata={"link-to": recipient})
    [mail] = inbox.wait_for(aws, lambda mail: mail.recipients == [recipient])
    assert mail.link.startswith(f"{stack.share_api_url}/s/") and mail.button == mail.link
    pressed = press(mail.link)
    assert (pressed.status, api_client.send("GET", pressed.headers["location"]).body) == (303, b"mailed")
    [listed] = operate(aws.client("lambda"), stack, list={"recipient": recipient})["shares"]
    item = aws.client("dynamodb").get_item(TableName=table, Key={"id": {"S": listed["share_id"]}})["Item"]
    # ShareMaxExpiresIn is shorter than a mail's seven days. The table keeps whole seconds.
    assert int(item["expires_at"]["N"]) - int(item["created_at"]["N"]) == 86400
    # The ledger names the share. Whoever may share the file takes it back.
    ledger = deploying.stack_outputs(aws, stack.stack)["MailLedgerName"]
    [mailed] = [one for one in aws.client("dynamodb").scan(TableName=ledger)["Items"] if one.get("recipient") == {"S": recipient}]
    assert mailed["share_ids"]["SS"] == [listed["share_id"]]
    one = f"{stack.api_url}/shares/{listed['share_id']}"
    assert bob.request("GET", one).json()["downloads"] == 1
    stranger = api_client.create_caller(aws, stack, "not-a-sharer-of-mails")
    assert stranger.request("DELETE", one).status == 404
    assert alice.request("DELETE", one).status == 204
    assert press(mail.link).status == 410


# What is kept, said and allowed


def test_neither_the_table_nor_the_log_opens_a_share(aws, stack, share, table, address):
    made = share(passcode=True)
    url = address(made)
    token, passcode = url.rsplit("/", 1)[1], made["passcode"]
    assert press(url, f"passcode={passcode}").status == 303
    items = aws.client("dynamodb").scan(TableName=table, ConsistentRead=True)["Items"]
    kept = json.dumps(items)
    assert made["share_id"] in kept and token not in kept and passcode not in kept
    digest = hashlib.sha256(token.encode()).digest()
    assert made["share_id"] == base64.urlsafe_b64encode(digest).decode().rstrip("=")
    assert logged(aws, stack, "share downloaded", share_id=made["share_id"])
    group = aws.client("lambda").get_function_configuration(FunctionName=stack.function)["LoggingConfig"]["LogGroup"]
    pages = aws.client("logs").get_paginator("filter_log_events").paginate(logGroupName=group)
    text = "\n".join(event["message"] for page in pages for event in page["events"])
    assert token not in text and passcode not in text and "X-Amz-Signature" not in text


def test_an_item_is_forgotten_seven_days_after_the_share_s_end(aws, share, table):
    """The local AWS does not keep what a template says about TTL."""
    attribute = Template(ShareLinks="yes").properties("SharesTable")["TimeToLiveSpecification"]["AttributeName"]
    made = share(expires_in=3600)
    item = aws.client("dynamodb").get_item(TableName=table, Key={"id": {"S": made["share_id"]}})["Item"]
    assert int(item[attribute]["N"]) == int(item["expires_at"]["N"]) + 7 * 86400


def test_shares_are_counted_and_logged_with_the_link_that_s3_logs(aws, stack, share, address):
    names = ("SharesCreated", "SharePagesShown", "ShareDownloads", "ShareRefusals", "SharePasscodesWrong")
    before = {name: counted(aws, stack, name) for name in names}
    made = share(passcode="correct horse")
    url = address(made)
    api_client.send("GET", url)
    assert press(url, "passcode=wrong").status == 403
    location = press(url, "passcode=correct+horse").headers["location"]
    [line] = logged(aws, stack, "share downloaded", share_id=made["share_id"])
    assert parse_qs(urlsplit(location).query)["x-link-id"] == [line["link_id"]]
    assert line["principal"].endswith(":user/sharer-alice") and line["caller"] == "127.0.0.1"
    for message in ("share made", "share opened", "share refused"):
        of_the_owner = {"principal": line["principal"], "caller": "127.0.0.1"}
        assert logged(aws, stack, message, share_id=made["share_id"], **of_the_owner), message
    deadline = time.monotonic() + 10
    while True:
        new = {name: counted(aws, stack, name) - before[name] for name in names}
        if new == dict.fromkeys(names, 1):
            return
        assert time.monotonic() < deadline, new
        time.sleep(0.2)


def test_the_role_has_the_permissions_for_its_table_that_it_needs_and_no_more(aws, stack, share, table):
    """In the local AWS the root user may assume any role, unlike in AWS."""
    made = share()
    role = aws.client("sts").assume_role(RoleArn=stack.role_arn, RoleSessionName="test")["Credentials"]
    session = aws.client("sts", role).assume_role(RoleArn=stack.session_role_arn, RoleSessionName="test")["Credentials"]
    aws.client("dynamodb").create_table(
        TableName="another",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    )
    key = {"id": {"S": made["share_id"]}}
    owner = {"KeyConditionExpression": "owner_key = :o", "ExpressionAttributeValues": {":o": {"S": "iam#nobody"}}}
    calls = {
        "get": lambda client, name: client.get_item(TableName=name, Key=key),
        "scan": lambda client, name: client.scan(TableName=name),
        "delete": lambda client, name: client.delete_item(TableName=name, Key=key),
        "delete the table": lambda client, name: client.delete_table(TableName=name),
        "get some": lambda client, name: client.batch_get_item(RequestItems={name: {"Keys": [key]}}),
        "query the index": lambda client, name: client.query(TableName=name, IndexName="by-owner", **owner),
        "query the keys": lambda client, name: client.query(TableName=name, IndexName="keys-by-owner", **owner),
        "scan the index": lambda client, name: client.scan(TableName=name, IndexName="by-owner"),
    }

    def allowed(credentials, name):
        able, client = set(), aws.client("dynamodb", credentials)
        for what, call in calls.items():
            try:
                call(client, name)
                able.add(what)
            except ClientError as error:
                assert "AccessDenied" in error.response["Error"]["Code"], (what, error)
        return able

    assert allowed(role, table) == {"get", "get some", "scan", "query the index", "query the keys"}
    assert allowed(role, "another") == set()
    # The session that signs links is what a link could be made to do.
    assert allowed(session, table) == set()
    # Whoever mails makes shares, and comes to none.
    mailer = deploying.stack_outputs(aws, stack.stack)["LinkMailerRoleArn"]
    mailer = aws.client("sts").assume_role(RoleArn=mailer, RoleSessionName="test")["Credentials"]
    assert allowed(mailer, table) == set()
