"""What template.yaml says about shares, read from its text: with ShareLinks they are all there, and without it nothing is."""

import json
import re

import pytest
from local_aws import paths
from local_aws.template_text import Template

MAILS = {"MailFrom": "files@example.com", "MailAllowedRecipients": "*@example.com"}
SHARES = {"ShareLinks": "yes", "OldShareAddresses": "no"}
# What a stack has after an update that names no new parameter.
UPDATED = {"ShareLinks": "yes"}
TOKENS = {"JwtIssuer": "https://issuer.example.com", "JwtAudience": "links"}
OWNERS = {"POST /shares", "GET /shares", "GET /shares/{share_id}", "PATCH /shares/{share_id}", "DELETE /shares/{share_id}"}
# People paste an address with a slash and more at its end.
ANYONE = {f"{method} /s/{path}" for method in ("GET", "HEAD", "POST") for path in ("{token}", "{address+}")}
COUNTED = {"SharesCreated", "SharePagesShown", "ShareDownloads", "ShareRefusals", "SharePasscodesWrong"}


def variables(template, function="LinkSigner"):
    return template.properties(function)["Environment"]["Variables"]


def grants(template, function="LinkSigner"):
    return json.loads(variables(template, function)["GRANTS"])


def routes(template, api="<Api>"):
    """The properties of an API's routes, by their keys."""
    found = [template.properties(name) for name in template.resources_of("AWS::ApiGatewayV2::Route")]
    return {route["RouteKey"]: route for route in found if route["ApiId"] == api}


# Without ShareLinks


@pytest.mark.parametrize(
    "others",
    [{}, MAILS, {"PublicUrl": "https://files.example.com", "AllowedOrigins": "*", **MAILS}, {"OldShareAddresses": "no"}],
)
def test_without_share_links_nothing_of_shares_exists(others):
    template = Template(**others)
    made = {name: template.properties(name) for name in template.text["Resources"] if template.exists(name)}
    named = re.findall(r".{0,30}share.{0,30}", json.dumps([made, template.outputs()]), re.IGNORECASE)
    assert named == []
    for function in {"LinkSigner", "LinkMailer"} & made.keys():
        assert "PUBLIC_URL" not in variables(template, function)
    assert "MAIL_GRANTS" not in variables(template)
    assert grants(template)[0].keys() == {"bucket", "prefix", "principals", "max_expires_in", "region"}
    assert set(routes(template)) == {"POST /links", "POST /links/batch", "GET /download", "GET /session"}
    assert routes(template, "<ShareApi>") == {}


# Routes


@pytest.mark.parametrize("parameters", [{}, SHARES, UPDATED, {**SHARES, **TOKENS}, {**UPDATED, **TOKENS}, {**SHARES, **MAILS}])
def test_no_route_is_public_but_the_addresses_of_shares(parameters):
    template = Template(**parameters)
    found = routes(template)
    public = {key for key, route in found.items() if route["AuthorizationType"] not in ("AWS_IAM", "JWT")}
    assert public == (ANYONE if parameters.items() >= UPDATED.items() and "OldShareAddresses" not in parameters else set())
    assert {found[key]["AuthorizationType"] for key in public} <= {"NONE"}
    for key in found.keys() - public:
        with_tokens = found[key]["AuthorizationType"] == "JWT"
        assert with_tokens is ("JwtIssuer" in parameters)
        assert found[key].get("AuthorizerId") == ("<ApiTokens>" if with_tokens else None), key
    for route in found.values():
        assert route["Target"] == "integrations/<ApiToLinkSigner>"


def test_a_stack_with_shares_has_all_their_routes():
    template = Template(**SHARES)
    assert set(routes(template)) - set(routes(Template())) == OWNERS
    opening = routes(template, "<ShareApi>")
    assert set(opening) == ANYONE
    for route in opening.values():
        assert (route["AuthorizationType"], route["Target"]) == ("NONE", "integrations/<ShareApiToLinkSigner>")
    integration = template.properties("ShareApiToLinkSigner")
    assert integration == {**template.properties("ApiToLinkSigner"), "ApiId": "<ShareApi>"}
    permission = template.properties("ShareApiMayInvokeLinkSigner")
    assert permission["SourceArn"] == "arn:aws:execute-api:eu-central-1:123456789012:<ShareApi>/*"
    assert {**permission, "SourceArn": ""} == {**template.properties("ApiMayInvokeLinkSigner"), "SourceArn": ""}


def test_the_shares_api_has_a_throttle_and_a_log_of_its_own_and_is_under_no_origins():
    template = Template(ShareThrottlingRate=3, ThrottlingRate=5, AllowedOrigins="*", **SHARES)
    stages = {name: template.properties(name) for name in ("ApiStage", "ShareApiStage")}
    for (name, stage), rate in zip(stages.items(), "53", strict=True):
        assert stage["DefaultRouteSettings"] == {"ThrottlingRateLimit": rate, "ThrottlingBurstLimit": rate}, name
        # Settings of single routes stay when a template gives them up.
        assert "RouteSettings" not in stage, name
    assert stages["ShareApiStage"]["AccessLogSettings"]["DestinationArn"] == "<ShareApiLogs.Arn>"
    assert "CorsConfiguration" in template.properties("Api") and "CorsConfiguration" not in template.properties("ShareApi")
    watched = template.properties("ShareApiFails")
    assert watched["Dimensions"] == [{"Name": "ApiId", "Value": "<ShareApi>"}]
    assert {**watched, "AlarmDescription": "", "Dimensions": []} == {
        **template.properties("ApiFails"), "AlarmDescription": "", "Dimensions": [],
    }  # fmt: skip
    assert template.outputs()["ShareApiUrl"] == "<ShareApi.ApiEndpoint>"


def test_the_logs_of_both_apis_are_where_no_permission_is_written_for_each_and_name_no_path():
    template = Template(LogRetentionDays=7, **SHARES)
    for name, of in [("ApiLogs", "api"), ("ShareApiLogs", "shares")]:
        assert template.properties(name) == {"LogGroupName": f"/aws/vendedlogs/links/{of}", "RetentionInDays": "7"}
    callers, anyone = (
        json.loads(template.properties(stage)["AccessLogSettings"]["Format"]) for stage in ("ApiStage", "ShareApiStage")
    )
    # Whoever has an address is nobody to the gateway.
    assert callers.items() - anyone.items() == {
        ("userArn", "$context.identity.userArn"), ("sub", "$context.authorizer.claims.sub"),
        ("authorizerError", "$context.authorizer.error"),
    }  # fmt: skip
    assert anyone.items() <= callers.items()


# Addresses that earlier versions gave out


def test_without_another_word_an_updated_stack_keeps_the_addresses_that_people_have():
    assert Template().parameters["OldShareAddresses"] == "yes"
    updated, new = Template(**UPDATED), Template(**SHARES)
    assert set(routes(updated)) - set(routes(new)) == ANYONE
    assert set(routes(updated, "<ShareApi>")) == set(routes(new, "<ShareApi>")) == ANYONE


def test_the_example_has_the_word_for_a_new_stack():
    example = (paths.ROOT / "samconfig.example.toml").read_text(encoding="utf-8")
    assert '\n    "OldShareAddresses=no",\n' in example


def test_the_routes_of_old_addresses_have_a_throttle_of_their_own_and_exist_before_it():
    template = Template(ShareThrottlingRate=3, ThrottlingRate=5, **UPDATED)
    throttle = {"ThrottlingRateLimit": "3", "ThrottlingBurstLimit": "3"}
    assert template.properties("ApiStage")["DefaultRouteSettings"] == {"ThrottlingRateLimit": "5", "ThrottlingBurstLimit": "5"}
    assert template.properties("ApiStage")["RouteSettings"] == dict.fromkeys(ANYONE, throttle)
    # CloudFormation makes a stage after the routes that it refers to. API Gateway refuses settings of other routes.
    referred = set(re.findall(r"'Ref': '(\w+Route)'", str(template.text["Resources"]["ApiStage"])))
    assert {template.properties(name)["RouteKey"] for name in referred} == ANYONE
    for parameters in ({}, {"OldShareAddresses": "yes"}):
        assert "RouteSettings" not in Template(**parameters).properties("ApiStage")


def test_pages_of_other_origins_may_change_and_revoke_shares_only_where_there_are_some():
    def methods(**parameters):
        configured = Template(AllowedOrigins="https://app.example.com", **parameters).properties("Api")
        return configured["CorsConfiguration"]["AllowMethods"]

    assert methods() == ["GET", "POST"]
    assert methods(**SHARES) == ["GET", "POST", "PATCH", "DELETE"]


# Settings and grants


def test_the_function_is_told_its_table_and_what_the_parameters_say():
    told = variables(Template(PublicUrl="https://files.example.com", **SHARES))
    assert (told["SHARES_TABLE"], told["PUBLIC_URL"]) == ("<SharesTable>", "https://files.example.com")


def test_the_grant_lets_its_principals_share():
    [grant] = grants(Template(ShareMaxExpiresIn=86400, **SHARES))
    [before] = grants(Template())
    assert grant == {**before, "actions": ["get", "share"], "max_share_expires_in": 86400}


WRITTEN = [{}, {"Grants": '[{"bucket":"a"}]'}, {"Grants": "s3://a/b"}]


@pytest.mark.parametrize("written", WRITTEN)
def test_shares_in_mails_are_granted_to_both_functions(written):
    """Whoever wrote the other grants."""
    parameters = {"ExistingBucketName": "my-files", "FilesPrefix": "a/{principal}/", **written}
    template = Template(ShareMaxExpiresIn=86400, MailExpiresIn=172800, **parameters, **SHARES, **MAILS)
    signer, mailer = variables(template), variables(template, "LinkMailer")
    for name in ("GRANTS", "MAIL_GRANTS", "SHARES_TABLE"):
        assert signer[name] == mailer[name], name
    # The signer judges each download of a mail's share, and gives no mail's link.
    assert json.loads(mailer["MAIL_GRANTS"]) == [
        {
            "bucket": "my-files", "prefix": "a/", "principals": ["s3-event"], "actions": ["share"],
            "max_share_expires_in": 86400, "region": "eu-central-1",
        }
    ]  # fmt: skip
    assert (mailer["SHARES_TABLE"], mailer["MAIL_EXPIRES_IN"]) == ("<SharesTable>", "172800")
    assert template.statements("LinkMailerPermissions")["MakeShares"]["Resource"] == "<SharesTable.Arn>"


@pytest.mark.parametrize("bucket", [{}, {"ExistingBucketName": "my-files"}])
def test_the_grants_of_both_functions_say_of_the_bucket_s_region_the_same(bucket):
    """MAIL_GRANTS takes over what GRANTS says of a bucket. The stack's own bucket has one region in both."""
    template = Template(**bucket, **SHARES, **MAILS)
    for function in ("LinkSigner", "LinkMailer"):
        [first], [second] = grants(template, function), json.loads(variables(template, function)["MAIL_GRANTS"])
        assert first["bucket"] == second["bucket"]
        assert first.get("region") == (None if bucket else "eu-central-1")
        assert second["region"] == "eu-central-1"


@pytest.mark.parametrize("written", WRITTEN)
def test_without_shares_mails_are_granted_links_in_the_mailing_function_alone(written):
    template = Template(**written, **MAILS)
    mailer = variables(template, "LinkMailer")
    assert json.loads(mailer["MAIL_GRANTS"]) == [
        {"bucket": "<FilesBucket>", "prefix": "private-files/", "principals": ["s3-event"], "region": "eu-central-1"}
    ]
    assert mailer["MAIL_EXPIRES_IN"] == ""
    assert not mailer.keys() & {"SHARES_TABLE", "PUBLIC_URL"}
    assert "MAIL_GRANTS" not in variables(template)
    assert "MakeShares" not in template.statements("LinkMailerPermissions")


@pytest.mark.parametrize("shares", [SHARES, UPDATED])
@pytest.mark.parametrize("function", ["LinkSigner", "LinkMailer"])
def test_addresses_are_of_the_own_domain_or_the_shares_api_s(function, shares):
    assert variables(Template(**shares, **MAILS), function)["PUBLIC_URL"] == "<ShareApi.ApiEndpoint>"
    own = Template(PublicUrl="https://files.example.com", **shares, **MAILS)
    assert variables(own, function)["PUBLIC_URL"] == "https://files.example.com"


@pytest.mark.parametrize(
    ("url", "is_accepted"),
    [
        ("", True), ("https://files.example.com", True), ("https://example.com:8443/a/b/", True),
        ("http://files.example.com", False), ("files.example.com", False), ("https://", False), ("https:///s", False),
        ("https://example.com/?a", False), ("https://example.com/#a", False), ("https://me@example.com", False),
        ("https://example.com/a b", False), ('https://example.com/"', False), ("https://example.com/$a", False),
    ],
)  # fmt: skip
def test_what_a_public_url_may_be(url, is_accepted):
    pattern = Template().text["Parameters"]["PublicUrl"]["AllowedPattern"]
    assert bool(re.fullmatch(pattern, url)) is is_accepted


def test_the_bounds_of_the_parameters_are_the_function_s():
    """crates/link-rules/src/access/grants.rs refuses what is outside."""
    declared = Template().text["Parameters"]["ShareMaxExpiresIn"]
    assert (declared["MinValue"], declared["MaxValue"], declared["Default"]) == (60, 365 * 86400, 7 * 86400)


# The table


def documented_attributes():
    """The rows of the table of attributes in docs/reference.md: names, types, and whether the index has them."""
    text = (paths.ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    [table] = re.findall(r"\| attribute \| type \|.*?\n\n", text + "\n\n", re.DOTALL)
    rows = [[cell.strip() for cell in row.strip("|").split("|")] for row in table.strip().splitlines()[2:]]
    return [(re.findall(r"`(\w+)`", names), types, projected) for names, types, _, projected in rows]


def test_the_indexes_project_what_the_document_says_and_dynamodb_allows():
    names, keys = set(), set()
    for row, _, projected in documented_attributes():
        not_projected = set(re.findall(r"all but `(\w+)`", projected))
        if projected == "yes" or not_projected:
            names |= set(row) - not_projected
        elif projected == "key":
            keys |= set(row)
    indexes = Template(**SHARES).properties("SharesTable")["GlobalSecondaryIndexes"]
    assert [index["IndexName"] for index in indexes] == ["by-owner", "keys-by-owner"]
    for index in indexes:
        assert index["KeySchema"] == [
            {"AttributeName": "owner_key", "KeyType": "HASH"},
            {"AttributeName": "created_at", "KeyType": "RANGE"},
        ]
    projection, keys_only = (index["Projection"] for index in indexes)
    assert keys_only == {"ProjectionType": "KEYS_ONLY"}
    assert projection["ProjectionType"] == "INCLUDE"
    # The sort key is projected as a key is.
    assert set(projection["NonKeyAttributes"]) == names - {"created_at"}
    assert keys == {"id", "owner_key"}
    # DynamoDB API reference, "Projection": at most 20 names.
    assert len(projection["NonKeyAttributes"]) <= 20
    assert "passcode_hash" not in projection["NonKeyAttributes"]


def test_the_table_is_encrypted_can_be_restored_forgets_and_is_kept():
    template = Template(**SHARES)
    table = template.properties("SharesTable")
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    # Every table is encrypted. The account's key would be billed by the request.
    assert "SSESpecification" not in table
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["TimeToLiveSpecification"] == {"AttributeName": "forget_at", "Enabled": True}
    assert table["KeySchema"] == [{"AttributeName": "id", "KeyType": "HASH"}]
    types = {one["AttributeName"]: one["AttributeType"] for one in table["AttributeDefinitions"]}
    assert types == {"id": "S", "owner_key": "S", "created_at": "N"}
    written, ledger = (template.text["Resources"][name] for name in ("SharesTable", "MailLedger"))
    for policy in ("DeletionPolicy", "UpdateReplacePolicy"):
        assert written[policy] == ledger[policy]
    assert template.outputs()["SharesTableName"] == "<SharesTable>"


# Permissions


def on_dynamodb(template, policy):
    """What a policy allows of DynamoDB: actions by resource."""
    allowed = {}
    for statement in template.statements(policy).values():
        actions, resources = (
            value if isinstance(value, list) else [value] for value in (statement["Action"], statement["Resource"])
        )
        if any(action.startswith("dynamodb:") for action in actions):
            allowed |= {resource: sorted(actions) for resource in resources}
    return allowed


def test_permissions_are_for_the_table_and_its_indexes_and_no_more():
    template = Template(**SHARES, **MAILS)
    assert on_dynamodb(template, "LinkSignerPermissions") == {
        "<SharesTable.Arn>": [
            f"dynamodb:{action}" for action in ("BatchGetItem", "GetItem", "PutItem", "Scan", "UpdateItem")
        ],
        "<SharesTable.Arn>/index/by-owner": ["dynamodb:Query"],
        "<SharesTable.Arn>/index/keys-by-owner": ["dynamodb:Query"],
    }
    # Whoever mails can make shares, and can neither read, change nor revoke any.
    assert on_dynamodb(template, "LinkMailerPermissions") == {
        "<MailLedger.Arn>": ["dynamodb:UpdateItem"],
        "<SharesTable.Arn>": ["dynamodb:PutItem"],
    }
    for policy in ("LinkPermissions", "MailedLinkPermissions"):
        assert on_dynamodb(template, policy) == {}


# The dashboard


@pytest.mark.parametrize(("mails", "row", "logs"), [({}, 12, ["<LinkSignerLogs>"]), (MAILS, 18, ["<LinkSignerLogs>", "<LinkMailerLogs>"])])
def test_the_dashboard_shows_shares_below_what_it_showed_before(mails, row, logs):
    def widgets(**parameters):
        return json.loads(Template(**parameters).properties("Dashboard")["DashboardBody"])["widgets"]

    before, now = widgets(**mails), widgets(**SHARES, **mails)
    added = [widget for widget in now if widget not in before]
    assert [widget for widget in now if widget in before] == before
    assert max(widget["y"] + widget["height"] for widget in before) == row
    assert [(widget["x"], widget["y"]) for widget in added] == [(0, row), (9, row), (15, row)]
    counted, unserved, refused = (widget["properties"] for widget in added)
    assert set(re.findall(r"sum\((\w+)\)", counted["query"])) == COUNTED
    # Mails bring shares too.
    assert re.findall(r"SOURCE '(.+?)'", counted["query"]) == logs
    assert unserved["metrics"] == [["S3LinkSigner", "SharesUnserved", "FunctionName", "<LinkSigner>"]]
    assert "'share refused'" in refused["query"]


def test_an_alarm_says_that_shares_could_not_be_served():
    alarm = Template(**SHARES).properties("SharesAreUnserved")
    assert (alarm["Namespace"], alarm["MetricName"]) == ("S3LinkSigner", "SharesUnserved")
    assert alarm["Dimensions"] == [{"Name": "FunctionName", "Value": "<LinkSigner>"}]
