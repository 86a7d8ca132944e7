"""The audit of docs/operations.md: its pattern on lines of the access log, and its queries on links of the function.

The local AWS writes no access log. The tests write the lines that S3 would write, in the format of its user guide.
"""

import json
import pathlib
import re
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from local_aws import api_client, athena

GUIDE = pathlib.Path(__file__).with_name("access_log") / "user-guide.log"
OWNER = "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be"
ROLE = "arn:aws:sts::123456789012:assumed-role/LinkSessionRole/links"
WHO, WHAT, NEVER = "Who opened this link?", "What was opened of this file?", "Which links were signed and never opened?"
THROUGH = "Who downloaded through this share?"


def access(url, key, bucket="files", status=200, agent='"curl/8.5.0"', encoded=2, ip="203.0.113.7", at="24/Nov/2026:10:00:00", operation="REST.GET.OBJECT"):
    """The line that S3 writes for a request of a link or of an upload. It leaves the signature out."""
    url = re.sub(r"X-Amz-Signature=[0-9a-f]+", "X-Amz-Signature=XXXX", url)
    for _ in range(encoded):
        key = quote(key, safe="/")
    parts = urlsplit(url)
    error = "-" if status < 300 else "AccessDenied"
    return (
        f'{OWNER} {bucket} [{at} +0000] {ip} {ROLE} 3E57427F3EXAMPLE {operation} {key} '
        f'"{operation.split(".")[1]} {parts.path}?{parts.query} HTTP/1.1" {status} {error} 1024 1024 21 20 "-" {agent} - '
        "s9lzHYrFp76ZVxRcpX9+5cjAnEH2ROuNkd2BHfIa6UkFVdtjf5mKR3/eTPFvsiP/XV/VLi31234= SigV4 "
        f"ECDHE-RSA-AES128-GCM-SHA256 QueryString {bucket}.s3.eu-central-1.amazonaws.com TLSV1.3 - - eu-central-1"
    )


def filled(query, link_id=None, key=None, share_id=None):
    """A query of the document with the ids and the key filled in."""
    text = athena.queries()[query]
    for written, value in [("LINK-ID", link_id), ("private-files/report.pdf", key), ("SHARE-ID", share_id)]:
        if value is not None:
            assert written in text
            text = text.replace(written, value.replace("'", "''"))
    return text


# The pattern


def test_the_pattern_takes_every_line_of_the_user_guide():
    lines = GUIDE.read_text(encoding="utf-8").splitlines()
    rows = athena.parse(lines)
    assert len(rows) == 5 and None not in rows
    assert {row["bucket"] for row in rows} == {"amzn-s3-demo-bucket1"}
    assert [row["operation"] for row in rows] == [
        "REST.GET.VERSIONING", "REST.GET.LOGGING_STATUS", "REST.GET.BUCKETPOLICY", "REST.GET.VERSIONING", "REST.PUT.OBJECT",
    ]
    upload = rows[-1]
    assert upload == {
        "bucketowner": OWNER, "bucket": "amzn-s3-demo-bucket1", "requestdatetime": "06/Feb/2019:00:01:57 +0000",
        "remoteip": "192.0.2.3", "requester": OWNER, "requestid": "DD6CC733AEXAMPLE", "operation": "REST.PUT.OBJECT",
        "key": "s3-dg.pdf", "request_uri": '"PUT /amzn-s3-demo-bucket1/s3-dg.pdf HTTP/1.1"', "httpstatus": "200",
        "errorcode": "-", "bytessent": "-", "objectsize": "4406583", "totaltime": "41754", "turnaroundtime": "28",
        "referrer": '"-"', "useragent": '"S3Console/0.4"', "versionid": "-",
        "hostid": "10S62Zv81kBW7BB6SX4XJ48o6kpcl6LPwEoizZQQxJd5qDSCTLX0TgS37kYUBKQW3+bPdrg1234=", "sigv": "SigV4",
        "ciphersuite": "ECDHE-RSA-AES128-SHA", "authtype": "AuthHeader",
        "endpoint": "amzn-s3-demo-bucket1.s3.us-west-1.amazonaws.com", "tlsversion": "TLSV1.2", "accesspointarn": "-",
        "aclrequired": "Yes",
    }
    assert rows[0]["accesspointarn"] == "arn:aws:s3:us-west-1:123456789012:accesspoint/example-AP"
    assert (rows[2]["httpstatus"], rows[2]["errorcode"]) == ("404", "NoSuchBucketPolicy")


def test_the_pattern_takes_the_shorter_lines_of_earlier_years():
    line = GUIDE.read_text(encoding="utf-8").splitlines()[0]
    [row] = athena.parse([line.split(" s9lzHY")[0]])
    assert (row["useragent"], row["versionid"], row["hostid"]) == ('"S3Console/0.4"', "-", None)


def test_whoever_puts_quotes_into_the_user_agent_does_not_hide():
    url = "https://files.s3.eu-central-1.amazonaws.com/a?x-link-id=0a&X-Amz-Signature=00"
    [row] = athena.parse([access(url, "a", agent='"my "program" 1.0"')])
    assert "x-link-id=0a" in row["request_uri"] and row["tlsversion"] == "TLSV1.3"
    assert row["useragent"] == '"my "program" 1.0"'


# The tables


def test_the_table_reads_only_days_and_from_where_s3_puts_the_lines():
    properties = athena.properties("access_log")
    assert athena.partitions("access_log") == ["day"]
    # [SourceAccountId]/[SourceRegion]/[SourceBucket]/[YYYY]/[MM]/[DD]/, as the template asks S3 to.
    assert properties["storage.location.template"] == "s3://ACCESS-LOGS/ACCOUNT/REGION/BUCKET/${day}/"
    assert properties["projection.day.format"] == "yyyy/MM/dd"
    for query in athena.queries().values():
        assert "day BETWEEN" in query


# The queries


@pytest.fixture(scope="module")
def links(stack, reader, files):
    """Four links of the deployed function: two to one file, one to another, and one that nobody opens."""
    keys = {"one": "audit/ü + 100%.txt", "another": "audit/another.txt"}
    keys = {name: files.put(b"x", name=key) for name, key in keys.items()}
    asked = {"first": "one", "second": "one", "third": "another", "unopened": "another"}
    answers = {
        link: reader.request("POST", f"{stack.api_url}/links", {"key": keys[name]}).json() for link, name in asked.items()
    }
    assert all("url" in answer for answer in answers.values()), answers
    return answers


@pytest.fixture(scope="module")
def log(links):
    """The access log after they were opened, among the lines of the user guide."""
    opened = [
        access(links["first"]["url"], links["first"]["key"], ip="203.0.113.1", at="24/Nov/2026:11:00:00"),
        access(links["first"]["url"], links["first"]["key"], ip="203.0.113.2", at="24/Nov/2026:10:00:00", encoded=1),
        access(links["second"]["url"], links["second"]["key"], ip="203.0.113.3", at="25/Nov/2026:00:00:01"),
        access(links["third"]["url"], links["third"]["key"], ip="203.0.113.4", status=206),
        # Of the link that nobody opened: the function's own check, and a request after its end.
        access(links["unopened"]["url"], links["unopened"]["key"], ip="203.0.113.5", status=206, agent='"-"'),
        access(links["unopened"]["url"], links["unopened"]["key"], ip="203.0.113.6", status=403),
        # Long before the days that the queries name.
        access(links["third"]["url"], links["third"]["key"], ip="203.0.113.7", at="24/Oct/2026:10:00:00"),
    ]
    return [*GUIDE.read_text(encoding="utf-8").splitlines(), *opened]


@pytest.fixture(scope="module")
def signed(aws, stack, links):
    """The function's lines about these links."""
    return lines_about(aws, stack, {link["link_id"] for link in links.values()})


def lines_about(aws, stack, ids):
    """A function's lines about links. The local AWS knows no pattern of fields, so the document's is applied here."""
    [text] = [text for _, text in athena.blocks("sh") if "filter-log-events" in text]
    field = re.search(r"""--filter-pattern '{ \$\.(\w+) = "\*" }'""", text)[1]
    group = aws.client("lambda").get_function_configuration(FunctionName=stack.function)["LoggingConfig"]["LogGroup"]
    pages = aws.client("logs").get_paginator("filter_log_events").paginate(logGroupName=group)
    messages = [event["message"] for page in pages for event in page["events"]]
    lines = [json.loads(message) for message in messages if message.startswith("{")]
    ours = [line for line in lines if line.get(field) in ids]
    assert {line[field] for line in ours} == ids
    return ours


def test_who_opened_this_link(links, log):
    rows = athena.run(filled(WHO, link_id=links["first"]["link_id"]), log)
    # In the order of time.
    assert [row["remoteip"] for row in rows] == ["203.0.113.2", "203.0.113.1"]
    assert f"{rows[0]['opened_at']:%Y-%m-%dT%H:%M:%S}" == "2026-11-24T10:00:00"
    assert {row["useragent"] for row in rows} == {'"curl/8.5.0"'}
    assert athena.run(filled(WHO, link_id="00000000-0000-0000-0000-000000000000"), log) == []


def test_what_was_opened_of_this_file(links, log):
    rows = athena.run(filled(WHAT, key=links["first"]["key"]), log)
    ids = [links[name]["link_id"] for name in ("first", "first", "second")]
    assert [(row["remoteip"], row["link_id"]) for row in rows] == [
        ("203.0.113.2", ids[0]), ("203.0.113.1", ids[1]), ("203.0.113.3", ids[2]),
    ]


def test_which_links_were_signed_and_never_opened(links, log, signed):
    rows = athena.run(filled(NEVER), log, signed)
    assert [row["link_id"] for row in rows] == [links["unopened"]["link_id"]]
    assert rows[0]["key"] == links["unopened"]["key"]
    assert rows[0]["principal"].endswith(":user/reader-alice")


def test_who_downloaded_through_this_share(aws, stack_with_shares, share, address):
    made, other = share(name="ü + 100%.txt"), share()
    # Two presses of one share, of which one led to a download in two parts, and one of another share.
    urls = [api_client.send("POST", address(one)).headers["location"] for one in (made, made, other)]
    ids = [parse_qs(urlsplit(url).query)["x-link-id"][0] for url in urls]
    signed = lines_about(aws, stack_with_shares, set(ids))
    log = [
        # The function itself, before it gave the link.
        access(urls[0], made["key"], ip="198.51.100.1", status=206, agent='"-"', at="24/Nov/2026:09:59:59"),
        access(urls[0], made["key"], ip="203.0.113.2", status=206, at="24/Nov/2026:10:00:02"),
        access(urls[0], made["key"], ip="203.0.113.1", at="24/Nov/2026:10:00:01"),
        access(urls[1], made["key"], ip="203.0.113.3", status=403),
        access(urls[2], other["key"], ip="203.0.113.4"),
    ]
    rows = athena.run(filled(THROUGH, share_id=made["share_id"]), log, signed)
    assert [(row["link_id"], row["remoteip"]) for row in rows] == [
        (ids[0], "203.0.113.1"), (ids[0], "203.0.113.2"), (ids[1], None),
    ]  # fmt: skip
    assert {row["pressed_from"] for row in rows} == {"127.0.0.1"}
    assert [row["pressed_at"] for row in rows] == sorted(row["pressed_at"] for row in rows)
    assert f"{rows[0]['opened_at']:%Y-%m-%dT%H:%M:%S}" == "2026-11-24T10:00:01"
    # A press has two lines of its link, and is found once.
    assert [row["link_id"] for row in athena.run(filled(NEVER), log, signed)] == [ids[1]]


def test_an_upload_is_found_by_its_id_and_is_no_link_that_was_never_opened(aws, stack_with_uploads, uploads):
    upload = uploads.in_parts(b"x", name="ü + 100%.txt")
    steps = {
        "REST.PUT.OBJECT": uploads.begin(name="a.txt", size=1),
        "REST.POST.UPLOADS": upload.begun,
        "REST.PUT.PART": upload.part(1)[0],
        "REST.POST.UPLOAD": upload.signed("POST", size=1),
    }
    log = [access(answer["url"], answer["key"], operation=operation) for operation, answer in steps.items()]
    signed = lines_about(aws, stack_with_uploads, {answer["link_id"] for answer in steps.values()})
    for operation, answer in steps.items():
        [row] = athena.run(filled(WHO, link_id=answer["link_id"]), log)
        assert (row["operation"], row["remoteip"]) == (operation, "203.0.113.7")
        [line] = [line for line in signed if line["link_id"] == answer["link_id"]]
        assert line["principal"].endswith(":user/reader-uploads") and line["key"] == answer["key"]
    assert athena.run(filled(NEVER), log, signed) == []
