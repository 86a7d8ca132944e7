"""Links to an S3 that is not AWS's: how its buckets are named, and where links lead.

The signatures are verified by Ceph. Its region is none of AWS's, and the sessions are of its own STS.
"""

import pytest
from local_aws import api_client
from local_lambda import requests, responses
from other_s3.conftest import BUCKET, OLD_BUCKET, REGION

KEY = "private-files/Résumé 1.txt"


@pytest.mark.parametrize("bucket", [BUCKET, OLD_BUCKET])
@pytest.mark.parametrize("host", ["127.0.0.1", "S3.LocalHost"])
def test_a_link_opens_whatever_the_host_is_called(function_with, radosgw, bucket, host):
    endpoint = f"http://{host}:{radosgw.port}"
    addressing = {} if host == "127.0.0.1" else {"S3_ADDRESSING": "path"}
    with function_with(AWS_ENDPOINT_URL=radosgw.url, AWS_ENDPOINT_URL_S3=endpoint, **addressing) as function:
        link = function.link(bucket=bucket, key=KEY)
        assert link["url"].startswith(f"{endpoint.lower()}/{bucket}/")
        assert link["session"]["evidence"] == "minted"
        assert f"%2F{REGION}%2Fs3%2Faws4_request" in link["url"]
        assert api_client.send("GET", link["url"]).body == bucket.encode()
        refused = api_client.send("GET", link["url"].replace("private-files/", "private-files//", 1))
        assert refused.status == 403


def test_without_the_setting_the_bucket_is_in_the_host_and_this_server_does_not_find_it(function_with, radosgw):
    endpoint = f"http://localhost:{radosgw.port}"
    with function_with(AWS_ENDPOINT_URL=radosgw.url, AWS_ENDPOINT_URL_S3=endpoint) as function:
        link = function.link(bucket=BUCKET, key=KEY)
        assert link["url"].startswith(f"http://{BUCKET}.localhost:{radosgw.port}/")
        assert api_client.send("GET", link["url"]).status >= 400


def test_links_lead_to_the_public_endpoint_and_a_check_opens_another_inside(function_with, radosgw):
    public = f"http://files.localhost:{radosgw.port}"
    with function_with(S3_PUBLIC_ENDPOINT=public, S3_ADDRESSING="path") as function:
        for method, body in (("GET", BUCKET.encode()), ("HEAD", b"")):
            link = function.link(bucket=BUCKET, key=KEY, check=True, method=method, filename="é.txt")
            assert link["checked"] == "inside"
            assert link["url"].startswith(f"{public}/{BUCKET}/")
            opened = api_client.send(method, link["url"])
            assert (opened.status, opened.body) == (200, body)
            # The local AWS answers HEAD without these headers.
            assert opened.headers["content-disposition"].endswith("filename*=UTF-8''%C3%A9.txt")
            # It is signed for the host outside, and for that one alone.
            assert api_client.send(method, link["url"].replace("files.localhost", "127.0.0.1")).status == 403


def test_a_public_endpoint_that_is_away_is_not_noticed_by_a_check(function_with):
    """So the answer says what was tried."""
    with function_with(S3_PUBLIC_ENDPOINT="https://nowhere.invalid") as function:
        assert function.link(bucket=BUCKET, key=KEY, check=True)["checked"] == "inside"


def test_a_missing_file_is_told_and_so_is_the_other_form_of_its_key(function_with, radosgw):
    with function_with() as function:
        for key, ends in (("private-files/none", "no such object."), ("private-files/Re\u0301sume\u0301 1.txt", '"NFC").')):
            response = function.request(requests.post("/links", {"bucket": BUCKET, "key": key, "check": True}))
            assert responses.problem_code(response) == "object-unavailable"
            assert response.json()["detail"].endswith(ends)


def test_an_object_with_its_writer_s_own_key_is_told_by_name(function_with, s3):
    key = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": "k" * 32}
    s3.put_object(Bucket=BUCKET, Key="private-files/own key", Body=b"x", **key)
    with function_with() as function:
        wanted = {"bucket": BUCKET, "key": "private-files/own key", "check": True}
        response = function.request(requests.post("/links", wanted))
        assert responses.problem_code(response) == "object-unavailable"
        assert response.json()["detail"].startswith("S3 answered 400")
