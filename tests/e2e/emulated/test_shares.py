"""Shares through every gateway: what a function with a table that works answers to the events in events/.

A share is made, shown, downloaded, changed and revoked with the fixtures of each gateway. Cookies come and go as each
payload has them, and forms are in base64 where gateways send them so.
"""

import json
import random
import string
from urllib.parse import urlsplit

import fake_aws
import pytest
from local_aws import api_client
from local_lambda import offline, requests, responses, roles, running, secrecy
from local_lambda.shares_table import SharesTable

CONTENT = b"The quarterly report"
# As the fixtures have it.
PASSCODE = "correct horse battery"
OWNERS = {"http-api": "post-shares", "http-api-payload-1": "post-shares-jwt", "rest-api": "post-shares", "function-url": "post-shares"}
DOMAINS = {
    "http-api": "https://a1b2c3d4e5.execute-api.us-east-1.amazonaws.com",
    "http-api-payload-1": "https://a1b2c3d4e5.execute-api.us-east-1.amazonaws.com",
    # The name of the stage is part of the address.
    "rest-api": "https://a1b2c3d4e5.execute-api.us-east-1.amazonaws.com/prod",
    "function-url": "https://abcdefghijklmnopqrstuvwxyz012345.lambda-url.us-east-1.on.aws",
}

# The expected response to each file where no share has the fixtures' token: a status, the code of a problem, or the
# heading of a page.
NEVER_WAS = "There is nothing here"
EXPECTED = {
    "http-api/post-shares": 201,
    "http-api/post-shares-jwt": 201,
    "http-api/post-shares-without-authorizer": "unauthenticated",
    "http-api/get-shares": 200,
    "http-api/get-share": "no-such-share",
    "http-api/patch-share": "no-such-share",
    "http-api/delete-share": "no-such-share",
    "http-api/get-share-page": NEVER_WAS,
    "http-api/get-share-page-json": "no-such-share",
    "http-api/head-share-page": 404,
    "http-api/press-share": NEVER_WAS,
    "http-api/press-share-json": "no-such-share",
    "http-api-payload-1/post-shares-jwt": 201,
    "http-api-payload-1/get-share-page": NEVER_WAS,
    "http-api-payload-1/get-share-page-json": "no-such-share",
    "http-api-payload-1/head-share-page": 404,
    "http-api-payload-1/press-share": NEVER_WAS,
    "rest-api/post-shares": 201,
    "rest-api/post-shares-cognito": 201,
    "rest-api/patch-share": "no-such-share",
    "rest-api/delete-share": "no-such-share",
    "rest-api/get-share-page": NEVER_WAS,
    "rest-api/get-share-page-json": "no-such-share",
    "rest-api/head-share-page": 404,
    "rest-api/press-share": NEVER_WAS,
    "function-url/post-shares": 201,
    # The gateway leaves out which user of the pool calls.
    "function-url/post-shares-identity-pool": "not-granted",
    "function-url/delete-share": "no-such-share",
    "function-url/get-share-page": NEVER_WAS,
    "function-url/get-share-page-json": "no-such-share",
    "function-url/head-share-page": 404,
    "function-url/press-share": NEVER_WAS,
}


@pytest.fixture(scope="module")
def table(aws):
    return SharesTable(aws, "emulated-shares")


@pytest.fixture(scope="module")
def sharing(aws, table, built):
    """A function with shares. When the tests are done, the table is searched for what they kept secret."""
    aws.client("s3").create_bucket(Bucket=offline.BUCKET)
    aws.client("s3").put_object(Bucket=offline.BUCKET, Key="private-files/report.pdf", Body=CONTENT)
    with running.LocalLambda("emulated-shares", **settings(aws, table)) as function:
        function.add_secrets(PASSCODE)
        yield function
        assert not secrecy.leaks(table.dump(), function.secrets), "the table contains a secret"
        assert function.log_text().count("INIT START") == 1


def settings(aws, table):
    """The settings of a function whose shares are in this table, with a role as the template's."""
    role = roles.Role(aws, f"sharer-{table.name}", roles.read_statement(offline.BUCKET), *table.statements)
    grants = [{**offline.GRANTS[0], "actions": ["get", "share"]}]
    return {
        **roles.environment_variables(role.session()),
        "AWS_ENDPOINT_URL": aws.url,
        "ASSUMED_SESSION_SECONDS": "43200",
        "GRANTS": json.dumps(grants),
        "SHARES_TABLE": table.name,
    }


class Share:
    """A share that was made through a gateway, and requests about it through the same gateway."""

    def __init__(self, function, table, gateway, **fields):
        self._function, self._table, self._gateway = function, table, gateway
        event = requests.fixture(f"{gateway}/{OWNERS[gateway]}")
        event["body"] = json.dumps({"key": "private-files/report.pdf", **fields})
        self.made = function.request(event)
        assert self.made.status == 201, self.made.body
        self.url, self.id = self.made.json()["url"], self.made.json()["share_id"]
        self.token = self.url.rpartition("/")[2]

    def event(self, name):
        return requests.about_share(f"{self._gateway}/{name}", self.token, self.id)

    def page(self, name="get-share-page"):
        return self._function.request(self.event(name))

    def press(self, cookie=None, passcode=None):
        event = requests.with_form(self.event("press-share"), {} if passcode is None else {"passcode": passcode})
        return self._function.request(requests.with_cookie(event, cookie))

    def downloads(self):
        return self._table.downloads(self.id)


@pytest.fixture(params=OWNERS)
def share(request, sharing, table):
    """Makes a share through each gateway: `share(passcode="…")`."""
    return lambda **fields: Share(sharing, table, request.param, **fields)


def cookie_in(response):
    """The name and the value of the cookie, as a browser sends them back."""
    return response.headers["set-cookie"].partition(";")[0]


def assert_expected(response, expected):
    if expected in responses.PROBLEM_STATUSES:
        assert (response.status, responses.problem_code(response)) == (responses.PROBLEM_STATUSES[expected], expected)
    elif isinstance(expected, int):
        assert response.status == expected, response.body
    else:
        assert (response.status, responses.heading(response)) == (404, expected)


def test_every_event_about_shares_is_tested():
    assert sorted(EXPECTED) == [name for name in requests.fixtures() if requests.is_about_shares(name)]


@pytest.mark.parametrize("name", EXPECTED)
def test_every_event_about_shares_has_the_expected_response(sharing, name):
    assert_expected(sharing.request(requests.fixture(name)), EXPECTED[name])


def test_a_share_is_opened_through_the_gateway_through_which_it_was_made(sharing, share):
    fresh = share(max_downloads=5, expires_in=604800)
    assert fresh.url.startswith(f"{DOMAINS[fresh._gateway]}/s/")
    page = fresh.page()
    assert (page.status, responses.heading(page)) == (200, "report.pdf")
    assert "5 of 5 downloads are left" in page.body.decode()
    # The cookie is for this address alone.
    assert f" Path={urlsplit(fresh.url).path};" in page.headers["set-cookie"]
    head = fresh.page("head-share-page")
    assert (head.status, head.body) == (200, b"")
    facts = fresh.page("get-share-page-json").json()
    assert (facts["name"], facts["size"], facts["downloads_left"]) == ("report.pdf", len(CONTENT), 5)
    assert fresh.downloads() == 0
    location = fresh.press(cookie_in(page)).headers["location"]
    assert api_client.send("GET", location).body == CONTENT
    assert fresh.downloads() == 1


def test_the_cookie_comes_as_the_payload_has_it_and_a_press_with_it_is_not_counted_again(sharing, share):
    fresh = share()
    invoked = sharing.invoke(requests.with_cookie(fresh.event("press-share"), None))
    assert invoked["statusCode"] == 303
    has_payload_2 = fresh.event("press-share").get("version") == "2.0"
    [cookie] = invoked["cookies"] if has_payload_2 else invoked["multiValueHeaders"]["set-cookie"]
    assert ("cookies" in invoked) == has_payload_2
    assert fresh.downloads() == 1
    assert fresh.press(cookie.partition(";")[0]).status == 303
    assert fresh.downloads() == 1
    # Another browser is another download, and so is one whose cookie is not of ours.
    for other in (None, "press=", f"press={'A' * 26}B", f"Press={cookie[6:33]}"):
        assert fresh.press(other).status == 303
    assert fresh.downloads() == 5


@pytest.mark.parametrize("indexes", [["by-owner"], ["keys-by-owner"], ["by-owner", "keys-by-owner"]])
def test_an_owner_s_list_is_read_from_the_index_that_the_table_has(aws, sharing, indexes):
    """An earlier version made `by-owner`, and a later one takes it away. `sharing` made the bucket."""
    table = SharesTable(aws, f"shares-{'-and-'.join(indexes)}", indexes)
    with running.LocalLambda(table.name, **settings(aws, table)) as function:
        made = [Share(function, table, "http-api", note=f"number {number}") for number in range(3)]
        seen, event = set(), requests.fixture("http-api/get-shares")
        query = "limit=2"
        while query:
            page = function.request({**event, "rawQueryString": query}).json()
            for listed in page["shares"]:
                path = requests.about_share("http-api/get-share", made[0].token, listed["share_id"])
                assert function.request(path).json() == listed
                seen.add(listed["share_id"])
            query = f"limit=2&cursor={page['next']}" if "next" in page else None
        assert seen == {share.id for share in made}


def test_a_passcode_in_the_form_is_judged(sharing, share, table):
    locked = share(passcode=PASSCODE)
    page = locked.page()
    assert responses.heading(page) == "A file with a passcode"
    cookie = cookie_in(page)
    without = locked.press(cookie)
    assert (without.status, "Type the passcode." in without.body.decode()) == (403, True)
    for wrong in ("wrong horse battery", f"{PASSCODE}.", "correct+horse+battery", "päss & wörd=%"):
        sharing.add_secrets(wrong)
        refused = locked.press(cookie, wrong)
        assert (refused.status, "That is not the passcode." in refused.body.decode()) == (403, True)
    assert locked.downloads() == 0
    # The fixture's own form has the right one.
    event = requests.with_cookie(locked.event("press-share"), cookie)
    assert sharing.request(event).status == 303
    assert locked.downloads() == 1
    # The dump that is searched for secrets has what the table keeps of them.
    dump = table.dump()
    assert locked.id in dump and '"pbkdf2-sha256-nfc$' in dump and '"presses": {"M": {"' in dump


def test_a_passcode_of_any_characters_arrives_as_it_was_chosen(sharing, share):
    hard = "pä+ss & wörd=%41 \u2028🦀"
    sharing.add_secrets(hard)
    assert share(passcode=hard).press(passcode=hard).status == 303


def test_a_passcode_may_be_sent_as_json(sharing, table):
    locked = Share(sharing, table, "http-api", passcode=PASSCODE)
    assert sharing.request(locked.event("press-share-json")).status == 303
    event = {**locked.event("press-share-json"), "body": json.dumps({"passcode": "wrong horse battery"})}
    assert_expected(sharing.request(event), "passcode-wrong")


@pytest.mark.parametrize("gateway", ["http-api", "rest-api"])
def test_an_owner_changes_and_revokes_a_share(sharing, table, gateway):
    share = Share(sharing, table, gateway, passcode=True, max_downloads=1)
    share.press(passcode=share.made.json()["passcode"])
    assert responses.heading(share.page()) == "This link is used up"
    changed = sharing.request(share.event("patch-share")).json()
    assert (changed["max_downloads"], changed["downloads"], changed["state"]) == (10, 1, "active")
    assert share.page().status == 200
    for _ in range(2):
        assert sharing.request(share.event("delete-share")).status == 204
    page = share.page()
    assert (page.status, responses.heading(page)) == (410, "This link was withdrawn")
    assert_expected(sharing.request(share.event("patch-share")), "share-revoked")


def test_another_owner_s_share_is_like_one_that_never_was(sharing, table):
    share = Share(sharing, table, "http-api-payload-1")
    for name in ("http-api/get-share", "http-api/patch-share", "http-api/delete-share", "rest-api/delete-share"):
        assert_expected(sharing.request(requests.about_share(name, share_id=share.id)), "no-such-share")
    assert share.page().status == 200


def test_what_is_over_says_so_and_a_locked_share_when_it_opens(sharing, table):
    share = Share(sharing, table, "http-api", passcode=PASSCODE)
    statuses = [share.press(passcode="wrong horse battery").status for _ in range(11)]
    assert statuses == [403] * 9 + [429] * 2
    locked = share.press(passcode=PASSCODE)
    assert locked.status == 429 and 3500 < int(locked.headers["retry-after"]) <= 3600
    table.set_number(share.id, "last_attempt_at", 1)
    assert share.press(passcode=PASSCODE).status == 303
    table.set_number(share.id, "expires_at", 1)
    assert responses.heading(share.page()) == "This link has ended"
    assert share.press(passcode=PASSCODE).status == 410


@pytest.mark.parametrize("end", ["/", "/x", "//", ".", "%2F", "?", "/..", " ", "\n"])
def test_what_was_pasted_behind_an_address_is_left_out(sharing, table, end):
    share = Share(sharing, table, "http-api")
    for method, status in (("HEAD", 200), ("POST", 303)):
        response = sharing.request(requests.request(method, f"/s/{share.token}{end}", principal=None))
        assert response.status == status, method
    assert share.downloads() == 1


@pytest.mark.parametrize("end", ["A", "-", "_", "0/", "A."])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_a_token_with_more_of_its_characters_opens_nothing_and_is_not_repeated(sharing, table, method, end):
    share = Share(sharing, table, "http-api")
    response = sharing.request(requests.request(method, f"/s/{share.token}{end}", principal=None))
    assert response.status == 404
    assert share.token not in response.body.decode()
    assert share.downloads() == 0


def test_a_malformed_token_is_answered_without_any_call(built):
    """Each answer is the one of a share that never was."""
    generator = random.Random(20261125)
    letters = string.ascii_letters + string.digits + "-_"
    right = "".join(generator.choices(letters, k=26)) + "A"
    malformed = ["-", right[:-1], right + "A", right[:-1] + "B", right[:-1] + "=", right[:13] + "+" + right[14:], "é" * 27, "\0" * 27]
    malformed += ["".join(generator.choices(letters, k=length)) for length in (1, 20, 26, 28, 43, 5000)]
    with fake_aws.refusing() as aws:
        variables = offline.environment(AWS_ENDPOINT_URL=aws.url, SHARES_TABLE="shares", BUCKET_POLICY="ignore")
        with running.LocalLambda("emulated-shares-refused", **variables) as function:
            # The first event starts the function, which asks STS for evidence.
            function.link(key="private-files/a")
            aws.take_calls()
            for token in malformed:
                for name in ("get-share-page", "press-share", "get-share-page-json"):
                    for gateway in OWNERS:
                        response = function.request(in_place_of_the_token(f"{gateway}/{name}", token))
                        assert response.status == 404, token
                        assert (responses.problem_code(response) or responses.heading(response)) in ("no-such-share", NEVER_WAS)
            assert aws.calls() == []
            # A token of the right form is asked for.
            response = function.request(requests.about_share("http-api/get-share-page", right))
            assert (response.status, responses.heading(response)) == (503, "This link can't be opened now")
            assert aws.calls("GetItem")


def in_place_of_the_token(name, token):
    """The fixture with any text in the place of its token."""

    def replaced(node):
        if isinstance(node, dict):
            return {key: replaced(value) for key, value in node.items()}
        if isinstance(node, list):
            return [replaced(value) for value in node]
        return node.replace(requests.SHARE_TOKEN, token) if isinstance(node, str) else node

    return replaced(requests.fixture(name))
