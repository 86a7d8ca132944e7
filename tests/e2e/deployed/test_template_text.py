"""What template.yaml says, read from its text, where the local AWS can't show it.

It enforces no key policies and delivers no access logs. A permission that a role should not have is easier to see in
the text than in refused calls.
"""

import json
import re
import subprocess

import pytest
from local_aws import example_config, paths
from local_aws.template_text import Template

NEW_BUCKET = "s3-link-signer-11111111-2222-3333-4444-555555555555"
RULES = "arn:aws:events:eu-central-1:123456789012:rule"
RULE = f"{RULES}/{NEW_BUCKET}"
ROLES = ["LinkSignerRole", "LinkSessionRole", "LinkMailerRole", "MailedLinkSessionRole"]
MAILS = {"MailFrom": "files@example.com", "MailAllowedRecipients": "*@example.com"}
KEY = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
KEY_OF_THE_REGION = KEY.replace("eu-west-1", "eu-central-1")


def grants(template, function="LinkSigner"):
    return template.properties(function)["Environment"]["Variables"]["GRANTS"]


def mail_grants(template, function="LinkMailer"):
    return template.properties(function)["Environment"]["Variables"]["MAIL_GRANTS"]


# Parameters


def test_every_parameter_has_a_default_a_sentence_and_a_place_in_one_group():
    text = Template().text
    groups = text["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    listed = [name for group in groups for name in group["Parameters"]]
    assert sorted(listed) == sorted(text["Parameters"])
    for name, parameter in text["Parameters"].items():
        assert "Default" in parameter, name
        assert parameter["Description"].endswith("."), name


@pytest.mark.parametrize(
    ("parameter", "accepted", "refused"),
    [
        ("ExistingBucketName", ["", "my-files", "a.b.c"], ["My-Files", "s3://my-files", "arn:aws:s3:::my-files"]),
        (
            "FilesPrefix",
            ["private-files/", "a/b/", "users/{principal}/", "a/{principal}/out/"],
            ["", "a", "{principal}/", "users/{principal}", "u-{principal}/", "u/{principal}/{principal}/", "u/{claim:t}/"],
        ),
        (
            "ReadableObjects",
            ["", "arn:aws:s3:::a/b/*", "arn:aws:s3:::a", "arn:aws:s3:eu-west-1:123456789012:accesspoint/a/object/*"],
            ["*", "a/b", "arn:aws:s3:::a/${aws:username}/*", "arn:aws:sqs:eu-west-1:123456789012:a"],
        ),
        (
            "Grants",
            ["", "[]", ' [{"bucket": "a",\n "prefix": "b/"}]', "s3://my-config/grants.json", "s3://my-config/a/b=1,c.json"],
            ["{}", "a", '[{"bucket": "a"}', "s3://my-config", "s3://my-config/", "s3://my-config/a/", "s3://My-Config/a",
             "s3://my-config/*", "s3://my-config/${a}", "https://my-config/a", "s3://my-config/a b"],
        ),
        (
            "MailExpiresIn",
            ["", "60", "99", "100", "900", "43200", "604800", "9999999", "10000000", "29999999", "30999999", "31499999",
             "31529999", "31535999", "31536000"],
            ["0", "59", "060", "1h", "31536001", "31540000", "31600000", "32000000", "40000000", "100000000", "-60", "60.0"],
        ),
        (
            "MailFromName",
            ["", "Example & Sons", "Müller, Söhne <x>", "O'Neil"],
            ['The "best"', "a\\b", "a\nb", "a\x85b"],
        ),
        ("ReservedConcurrency", ["", "1", "1000"], ["0", "-1", "01", "x"]),
        ("ShareFromName", ["", "Example & Sons", 'The "best"'], ["a\nb", "a\x85b"]),
        ("KmsKeyArn", ["", KEY], ["alias/files", "arn:aws:kms:eu-west-1:123456789012:alias/files", "*"]),
        (
            "PermissionsBoundary",
            ["", "arn:aws:iam::123456789012:policy/team/boundary", "arn:aws:iam::aws:policy/PowerUserAccess"],
            ["boundary", "arn:aws:iam::123456789012:role/boundary"],
        ),
    ],
)
def test_the_values_that_a_parameter_accepts(parameter, accepted, refused):
    pattern = Template().text["Parameters"][parameter]["AllowedPattern"]
    for value in accepted:
        assert re.fullmatch(pattern, value), value
    for value in refused:
        assert not re.fullmatch(pattern, value), value


# The bucket


def test_without_an_existing_bucket_the_stack_makes_one():
    template = Template(**MAILS)
    for name in ("FilesBucket", "FilesBucketPolicy", "AccessLogBucket", "AccessLogBucketPolicy"):
        assert template.exists(name)
    assert not template.exists("NewFileRule")
    assert template.properties("FilesBucket")["BucketName"] == NEW_BUCKET
    assert template.outputs()["FilesBucketName"] == "<FilesBucket>"


def test_an_existing_bucket_is_named_and_never_changed():
    template = Template(ExistingBucketName="my-files", **MAILS)
    for kind in ("AWS::S3::Bucket", "AWS::S3::BucketPolicy"):
        assert template.resources_of(kind) == []
    assert template.outputs()["FilesBucketName"] == "my-files"
    assert '"bucket":"my-files"' in grants(template) and '"bucket":"my-files"' in grants(template, "LinkMailer")
    # It may be in another region, so the functions ask S3.
    assert '"region"' not in grants(template) and '"region"' not in grants(template, "LinkMailer")
    resources = {
        (name, sid): statement["Resource"]
        for name in ("LinkPermissions", "LinkSignerPermissions", "MailedLinkPermissions", "LinkMailerPermissions")
        for sid, statement in template.statements(name).items()
        if any(action.startswith("s3:") for action in as_list(statement["Action"]))
    }
    assert resources == {
        ("LinkPermissions", "ReadFiles"): "arn:aws:s3:::my-files/private-files/*",
        ("LinkSignerPermissions", "ReadBucketPolicy"): "arn:aws:s3:::my-files",
        ("LinkSignerPermissions", "ReadSettingsForTheDoctor"): "arn:aws:s3:::my-files",
        ("MailedLinkPermissions", "ReadFiles"): "arn:aws:s3:::my-files/private-files/*",
        ("LinkMailerPermissions", "TellMissingFromForbidden"): "arn:aws:s3:::my-files",
        ("LinkMailerPermissions", "ReadBucketPolicy"): "arn:aws:s3:::my-files",
    }


def as_list(value):
    return value if isinstance(value, list) else [value]


def test_whoever_signs_may_list_no_bucket():
    template = Template(ExistingBucketName="my-files", ReadableObjects="arn:aws:s3:::b,arn:aws:s3:::b/*", **MAILS)
    for policy in ("LinkPermissions", "LinkSignerPermissions", "MailedLinkPermissions"):
        for statement in template.statements(policy).values():
            assert not {"s3:ListBucket", "s3:ListBucketVersions"} & set(as_list(statement["Action"]))


# {principal}


@pytest.mark.parametrize(
    ("prefix", "signed", "mailed"),
    [
        ("private-files/", "private-files/*", "private-files/"),
        ("users/{principal}/", "users/*/*", "users/"),
        ("a/b/{principal}/out/", "a/b/*/out/*", "a/b/"),
    ],
)
def test_principal_stays_in_the_grant_and_is_a_star_in_the_permission(prefix, signed, mailed):
    template = Template(ExistingBucketName="my-files", FilesPrefix=prefix, **MAILS)
    assert f'"prefix":"{prefix}"' in grants(template)
    assert template.statements("LinkPermissions")["ReadFiles"]["Resource"] == f"arn:aws:s3:::my-files/{signed}"
    # Mails are about everything before the placeholder.
    assert f'"prefix":"{mailed}"' in mail_grants(template)
    assert template.statements("MailedLinkPermissions")["ReadFiles"]["Resource"] == f"arn:aws:s3:::my-files/{mailed}*"
    # What EventBridge can hand to neither queue it drops, and says so in this metric alone.
    watched = template.properties("NewFilesAreLost")
    assert (watched["Namespace"], watched["MetricName"]) == ("AWS/Events", "InvocationsFailedToBeSentToDlq")
    assert watched["Dimensions"] == [{"Name": "RuleName", "Value": "<NewFileRule>"}]
    pattern = template.properties("NewFileRule")["EventPattern"]
    assert pattern["detail"] == {"bucket": {"name": ["my-files"]}, "object": {"key": [{"prefix": mailed}]}}
    own = Template(FilesPrefix=prefix, **MAILS).properties("FilesBucket")["NotificationConfiguration"]
    [queue] = own["QueueConfigurations"]
    assert queue["Filter"]["S3Key"]["Rules"] == [{"Name": "prefix", "Value": mailed}]


# Grants


def test_grants_are_used_as_they_are():
    written = '[{"bucket":"${a}","prefix":"users/{principal}/","principals":["*"]}]'
    assert grants(Template(Grants=written)) == written


@pytest.mark.parametrize("written", ["", '[{"bucket":"a","prefix":"s3://","principals":["*"]}]', "s3://my-config/grants.json"])
def test_both_functions_have_the_same_grants(written):
    template = Template(Grants=written, **MAILS)
    assert grants(template) == grants(template, "LinkMailer")
    assert grants(template) == (written or grants(Template()))


def test_both_signing_roles_may_read_what_readable_objects_lists():
    listed = ["arn:aws:s3:::finance", "arn:aws:s3:::finance/reports/*"]
    template = Template(ReadableObjects=",".join(listed), Doctor="no")
    objects = ["s3:GetObject", "s3:GetObjectVersion"]
    assert template.properties("LinkPermissions")["Roles"] == ["<LinkSignerRole>", "<LinkSessionRole>"]
    # A link's session reads no bucket's settings.
    assert template.properties("LinkSessionPermissions")["Roles"] == ["<LinkSessionRole>"]
    reads = template.statements("LinkSessionPermissions")["ReadOtherFiles"]
    assert (reads["Action"], reads["Resource"]) == (objects, listed)
    assert template.properties("LinkSignerPermissions")["Roles"] == ["<LinkSignerRole>"]
    reads = template.statements("LinkSignerPermissions")["ReadOtherFiles"]
    assert (reads["Action"], reads["Resource"]) == ([*objects, "s3:GetBucketPolicy", "s3:GetLifecycleConfiguration"], listed)
    for_the_doctor = Template(ReadableObjects=",".join(listed)).statements("LinkSignerPermissions")["ReadOtherFiles"]
    settings = {
        "s3:GetBucketPolicyStatus",
        "s3:GetBucketPublicAccessBlock",
        "s3:GetEncryptionConfiguration",
        "s3:GetBucketCORS",
    }
    assert set(for_the_doctor["Action"]) - set(reads["Action"]) == settings
    assert "ReadOtherFiles" not in Template().statements("LinkSignerPermissions")
    assert not Template().exists("LinkSessionPermissions")


# CloudFormation user guide, "Understand CloudFormation quotas": 4,096 bytes for the value of a parameter.
LONGEST_VALUE = 4096
# IAM user guide, "IAM and AWS STS quotas": the policies in a role, without white space.
LONGEST_POLICIES = 10_240


@pytest.mark.parametrize("arn", ["arn:aws:s3:::abc", f"arn:aws:s3:eu-west-1:123456789012:accesspoint/{'a' * 50}/object/*"])
def test_the_longest_list_that_cloudformation_takes_fits_into_every_role(arn):
    listed = ",".join([arn] * (LONGEST_VALUE // (len(arn) + 1)))
    everything = {
        "ReadableObjects": listed, "Grants": f"s3://{'b' * 63}/{'k' * 1024}", "FilesPrefix": f"{'f' * 500}/",
        "ExistingBucketName": "b" * 63, "KmsKeyArn": KEY, "ShareLinks": "yes", **MAILS,
    }  # fmt: skip
    template = Template(**everything)
    sizes = dict.fromkeys(ROLES, 0)
    for name in template.resources_of("AWS::IAM::Policy"):
        policy = template.properties(name)
        document = json.dumps(policy["PolicyDocument"], separators=(",", ":"))
        # The longest ARN of a role, a table, a queue or a log group that CloudFormation makes.
        document = re.sub(r"<\w+\.Arn>", "a" * 160, document)
        for role in policy["Roles"]:
            sizes[role.strip("<>")] += len(document)
    assert max(sizes.values()) <= LONGEST_POLICIES, sizes
    assert len(listed) > LONGEST_VALUE - len(arn) - 2


@pytest.mark.parametrize("shares", [{}, {"ShareLinks": "yes"}])
def test_each_function_may_read_exactly_the_object_that_grants_names(shares):
    template = Template(Grants="s3://my-config/links/grants.json", **MAILS, **shares)
    for policy in ("LinkSignerPermissions", "LinkMailerPermissions"):
        reads = template.statements(policy)["ReadGrants"]
        assert (reads["Effect"], reads["Action"]) == ("Allow", "s3:GetObject")
        assert reads["Resource"] == "arn:aws:s3:::my-config/links/grants.json"
    for alarm, function in [("GrantsObjectInvalid", "<LinkSigner>"), ("MailGrantsObjectInvalid", "<LinkMailer>")]:
        watched = template.properties(alarm)
        assert (watched["Namespace"], watched["MetricName"]) == ("S3LinkSigner", "GrantsObjectInvalid")
        assert watched["Dimensions"] == [{"Name": "FunctionName", "Value": function}]
    assert not Template(Grants="s3://my-config/links/grants.json").exists("MailGrantsObjectInvalid")


@pytest.mark.parametrize("written", ["", '[{"bucket":"a","prefix":"s3://b/","principals":["*"]}]'])
def test_without_an_object_there_is_no_such_permission_and_no_alarm(written):
    template = Template(Grants=written, **MAILS)
    for policy in ("LinkSignerPermissions", "LinkMailerPermissions"):
        assert "ReadGrants" not in template.statements(policy)
    assert not template.exists("GrantsObjectInvalid") and not template.exists("MailGrantsObjectInvalid")


# Who may have links

TOKENS = {"JwtIssuer": "https://issuer.example.com", "JwtAudience": "links"}
GRANTS = '[{"bucket":"a","prefix":"","principals":["*"]}]'


@pytest.mark.parametrize(
    ("parameters", "are_accepted"),
    [
        ({}, True),
        ({"Principals": "arn:aws:iam::*:user/reader-*,alice"}, True),
        (TOKENS, False),
        ({**TOKENS, "Principals": ","}, False),
        ({**TOKENS, "Principals": "*"}, True),
        ({**TOKENS, "Principals": "alice"}, True),
        ({**TOKENS, "Grants": GRANTS}, True),
        ({**TOKENS, "Grants": "s3://my-config/grants.json"}, True),
        ({"Principals": "alice,"}, False),
        ({"Principals": ",alice"}, False),
        ({**TOKENS, "Principals": "alice,,bob"}, False),
    ],
)
def test_with_tokens_somebody_has_to_say_who_gets_links(parameters, are_accepted):
    assert Template(**parameters).rule_holds("CallersWithTokensAreNamed") is are_accepted
    # CloudFormation may read an empty list as one that holds nothing.
    template = Template(**parameters)
    if template.parameters["Principals"] == [""]:
        template.parameters["Principals"] = []
        assert template.rule_holds("CallersWithTokensAreNamed") is are_accepted


@pytest.mark.parametrize(
    ("parameters", "principals"),
    [
        ({}, ["*"]), ({"Principals": "*"}, ["*"]), ({"Principals": "alice,bob"}, ["alice", "bob"]),
        ({**TOKENS, "Principals": "alice"}, ["alice"]), ({**TOKENS, "Principals": "*"}, ["*"]),
    ],
)  # fmt: skip
def test_an_empty_list_is_everybody_whom_iam_lets_call(parameters, principals):
    template = Template(**parameters, MailFrom="a@example.com", MailAllowedRecipients="*@example.com")
    for function in ("LinkSigner", "LinkMailer"):
        grants = json.loads(template.properties(function)["Environment"]["Variables"]["GRANTS"])
        assert grants[0]["principals"] == principals, function


def test_what_names_the_callers_may_be():
    pattern = Template().text["Parameters"]["Principals"]["AllowedPattern"]
    for name, is_accepted in {"": True, "alice": True, "*": True, 'a"b': False, "a b": False, "a\\b": False}.items():
        assert bool(re.fullmatch(pattern, name)) is is_accepted, name


# What is gone


@pytest.mark.parametrize(
    ("accepted", "refused"),
    [
        ({}, {"GrantsObject": "s3://a/b"}),
        ({"GrantsObject": "s3://a/b", "Grants": "s3://a/b"}, {"GrantsObject": "s3://a/b", "MailFrom": "a@example.com"}),
        ({"ShareOpenSeconds": 300}, {"ShareOpenSeconds": 120}),
        ({"MailShareExpiresIn": 604800}, {"MailShareExpiresIn": 3600}),
        ({"MailShareExpiresIn": 604800, "MailExpiresIn": 60}, {"MailShareExpiresIn": 3600, "MailExpiresIn": 43200}),
        ({"ThrottlingBurst": 100}, {"ThrottlingBurst": 5}),
        ({"ShareThrottlingBurst": 40}, {"ShareThrottlingBurst": 5}),
    ],
)
def test_a_value_of_what_is_gone_is_refused_if_something_wider_would_hold(accepted, refused):
    assert Template(**accepted).rule_holds("NothingIsSetThatIsGone")
    assert not Template(**refused).rule_holds("NothingIsSetThatIsGone")


def test_what_is_gone_changes_nothing_and_is_told_by_name():
    text = Template().text
    groups = text["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    [group] = [group for group in groups if "Gone" in group["Label"]["default"]]
    made = str([text["Resources"], text["Conditions"], text["Outputs"]])
    assert not [name for name in group["Parameters"] if re.search(rf"\b{name}\b", made)]
    told = [assertion["AssertDescription"] for assertion in text["Rules"]["NothingIsSetThatIsGone"]["Assertions"]]
    assert [sentence.split()[0] for sentence in told] == group["Parameters"]
    for name in group["Parameters"]:
        assert text["Parameters"][name]["Description"].startswith("Gone. ")


def test_there_are_36_parameters_besides():
    assert len(parameters_in_force()) == 36


def parameters_in_force():
    return {name: one for name, one in Template().text["Parameters"].items() if not one["Description"].startswith("Gone. ")}


def test_the_example_of_a_samconfig_has_every_parameter_with_its_default():
    """SAM keeps the last value of a parameter that is not named, so a default that is not written switches nothing off."""
    defaults = {name: str(one["Default"]) for name, one in parameters_in_force().items()}
    # Whoever updates a stack with older shares and does not name it keeps their addresses.
    assert defaults.pop("OldShareAddresses") == "yes"
    assert example_config.parameters() == {**defaults, "OldShareAddresses": "no"}


# Keys and boundaries


def test_whoever_reads_files_may_decrypt_with_the_key_through_s3_only():
    template = Template(KmsKeyArn=KEY, **MAILS)
    for policy in ("LinkPermissions", "MailedLinkPermissions"):
        decrypts = template.statements(policy)["DecryptFiles"]
        assert (decrypts["Effect"], decrypts["Action"], decrypts["Resource"]) == ("Allow", "kms:Decrypt", KEY)
        # The key's region, which is the bucket's, and not the stack's.
        assert decrypts["Condition"] == {"StringEquals": {"kms:ViaService": "s3.eu-west-1.amazonaws.com"}}
        assert "DecryptFiles" not in Template(**MAILS).statements(policy)


@pytest.mark.parametrize(
    ("parameters", "rule"),
    [
        ({}, {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}),
        # The key of another region is for files in other buckets.
        ({"KmsKeyArn": KEY}, {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}),
        (
            {"KmsKeyArn": KEY_OF_THE_REGION},
            {
                "BucketKeyEnabled": True,
                "ServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": KEY_OF_THE_REGION},
            },
        ),
    ],
)
def test_the_new_bucket_encrypts_with_the_key_of_its_region_and_the_bucket_of_its_log_does_not(parameters, rule):
    template = Template(**parameters)
    [encrypted] = template.properties("FilesBucket")["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert encrypted == rule
    # S3 delivers no log to a bucket whose default is a KMS key of its owner.
    [log] = template.properties("AccessLogBucket")["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert log == {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}


def test_every_role_has_the_boundary():
    boundary = "arn:aws:iam::123456789012:policy/boundary"
    template = Template(PermissionsBoundary=boundary, **MAILS)
    assert template.resources_of("AWS::IAM::Role") == ROLES
    for role in ROLES:
        assert template.properties(role)["PermissionsBoundary"] == boundary
        assert "PermissionsBoundary" not in Template(**MAILS).properties(role)


# Mails


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("", "files@example.com"),
        ("Example, Ltd", '"Example, Ltd" <files@example.com>'),
        ("${x}", '"${x}" <files@example.com>'),
    ],
)
def test_a_mail_s_sender_has_a_name_and_the_permission_is_for_the_bare_address(name, told):
    template = Template(MailFromName=name, **MAILS)
    assert template.properties("LinkMailer")["Environment"]["Variables"]["MAIL_FROM"] == told
    sends = template.statements("LinkMailerPermissions")["SendMailsAsThisSender"]
    assert sends["Condition"] == {"StringEquals": {"ses:FromAddress": "files@example.com"}}


@pytest.mark.parametrize(("given", "region"), [("", "eu-central-1"), ("us-east-1", "us-east-1")])
def test_mails_are_sent_in_the_stack_s_region_or_in_the_named_one_and_the_permission_is_for_that_one(given, region):
    template = Template(MailRegion=given, **MAILS)
    assert template.properties("LinkMailer")["Environment"]["Variables"]["MAIL_REGION"] == given
    sends = template.statements("LinkMailerPermissions")["SendMailsAsThisSender"]
    assert sends["Resource"] == [
        f"arn:aws:ses:{region}:123456789012:{kind}/*" for kind in ("identity", "configuration-set")
    ]
    assert "us-east-1" not in json.dumps(Template(**MAILS).statements("LinkMailerPermissions"))


def test_the_template_sets_only_settings_that_the_function_knows():
    known = (paths.ROOT / "src" / "settings" / "unknown.rs").read_text(encoding="utf-8")
    [known] = re.findall(r"const KNOWN: \[&str; \d+\] = \[(.*?)\];", known, re.DOTALL)
    for grants in ("", "s3://a/b"):
        template = Template(Grants=grants, ShareLinks="yes", PublicUrl="https://files.example.com", **MAILS)
        for function in ("LinkSigner", "LinkMailer"):
            told = template.properties(function)["Environment"]["Variables"].keys()
            assert told <= {*re.findall(r'"(\w+)"', known), "MALLOC_ARENA_MAX"}


def test_the_queue_admits_the_new_bucket_or_one_rule_and_nobody_else():
    [statement] = Template(**MAILS).statements("MailQueuePolicy").values()
    assert statement["Principal"] == {"Service": "s3.amazonaws.com"}
    assert statement["Condition"] == {
        "ArnEquals": {"aws:SourceArn": f"arn:aws:s3:::{NEW_BUCKET}"},
        "StringEquals": {"aws:SourceAccount": "123456789012"},
    }
    [statement] = Template(ExistingBucketName="my-files", **MAILS).statements("MailQueuePolicy").values()
    assert statement["Principal"] == {"Service": "events.amazonaws.com"}
    # The second is the name that CloudFormation gave the rule in earlier versions.
    assert statement["Condition"] == {"ArnLike": {"aws:SourceArn": [RULE, f"{RULES}/links-NewFileRule-*"]}}
    assert (statement["Action"], statement["Resource"]) == ("sqs:SendMessage", "<MailQueue.Arn>")


def test_the_rule_of_an_existing_bucket_comes_after_its_permissions_and_has_the_dead_letters():
    template = Template(ExistingBucketName="my-files", **MAILS)
    assert {"MailQueuePolicy", "MailDeadLettersPolicy"} <= set(template.text["Resources"]["NewFileRule"]["DependsOn"])
    assert "NewFileRule" not in str(template.properties("MailDeadLettersPolicy"))
    rule = template.properties("NewFileRule")
    assert RULE == f"{RULES}/{rule['Name']}" and len(rule["Name"]) <= 64
    assert rule["Targets"] == [
        {"Id": "mail-queue", "Arn": "<MailQueue.Arn>", "DeadLetterConfig": {"Arn": "<MailDeadLetters.Arn>"}}
    ]
    [statement] = template.statements("MailDeadLettersPolicy").values()
    assert (statement["Action"], statement["Resource"]) == ("sqs:SendMessage", "<MailDeadLetters.Arn>")
    assert statement["Principal"] == {"Service": "events.amazonaws.com"}
    assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": RULE}}
    assert not Template(**MAILS).exists("MailDeadLettersPolicy")


# Shares


@pytest.mark.parametrize(
    ("parameters", "is_accepted"),
    [
        ({"ShareLinks": "yes", "MaxExpiresIn": 119}, False),
        ({"ShareLinks": "yes", "MaxExpiresIn": 1}, False),
        ({"ShareLinks": "yes", "MaxExpiresIn": 120}, True),
        ({"ShareLinks": "no", "MaxExpiresIn": 60}, True),
        ({"ShareLinks": "yes", "MaxExpiresIn": 60, "Grants": "s3://a/b"}, True),
    ],
)
def test_a_grant_that_is_too_short_for_shares_is_refused_where_it_is_used(parameters, is_accepted):
    assert Template(**parameters).rule_holds("SharesOpenForTwoMinutes") is is_accepted


def test_rules_that_ask_each_queue_for_dead_letters_are_told_which_queue_has_them():
    """CT.SQS.PR.1 passes over a queue with a policy for redriving to it."""
    template = Template(**MAILS)
    assert template.properties("MailQueue")["RedrivePolicy"]["deadLetterTargetArn"] == "<MailDeadLetters.Arn>"
    assert template.properties("MailDeadLetters")["RedriveAllowPolicy"] == {"redrivePermission": "allowAll"}


# Uploads


@pytest.mark.parametrize("more", [{}, {"ShareLinks": "yes"}, {"Grants": '[{"bucket":"a"}]'}])
def test_both_functions_know_what_may_be_uploaded_and_what_is_mailed(more):
    template = Template(Uploads="yes", ExistingBucketName="my-files", **MAILS, **more)
    assert grants(template) == grants(template, "LinkMailer")
    assert mail_grants(template, "LinkSigner") == mail_grants(template)


@pytest.mark.parametrize(("prefix", "is_refused"), [("private-files/in/", True), ("uploads/", False)])
def test_a_function_does_not_start_whose_uploads_would_be_mailed(built, prefix, is_refused):
    template = Template(Uploads="yes", UploadsPrefix=prefix, ExistingBucketName="my-files", **MAILS)
    for function in ("LinkSigner", "LinkMailer"):
        variables = {"GRANTS": grants(template, function), "MAIL_GRANTS": mail_grants(template, function)}
        done = subprocess.run(
            [paths.BOOTSTRAP],
            env={**variables, "AWS_REGION": "eu-central-1", "AWS_EC2_METADATA_DISABLED": "true"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        printed = done.stdout + done.stderr
        assert ("GRANTS[1].prefix reaches files that mails are about" in printed) == is_refused, printed
        assert ("AWS_LAMBDA_FUNCTION_NAME" in printed) != is_refused, printed


# What is kept


def test_old_versions_are_kept_unless_somebody_says_for_how_long():
    def rules(**parameters):
        return Template(**parameters).properties("FilesBucket")["LifecycleConfiguration"]["Rules"]

    [unfinished] = rules()
    assert rules(OldVersionDays=30) == [
        unfinished,
        {
            "Id": "forget-old-versions",
            "Status": "Enabled",
            "NoncurrentVersionExpiration": {"NoncurrentDays": "30"},
            "ExpiredObjectDeleteMarker": True,
        },
    ]


def test_concurrency_is_reserved_only_where_somebody_says_how_much():
    assert Template(ReservedConcurrency=5).properties("LinkSigner")["ReservedConcurrentExecutions"] == "5"
    assert "ReservedConcurrentExecutions" not in Template().properties("LinkSigner")


# Access logs


def test_s3_logs_the_requests_for_the_new_bucket_by_the_day():
    template = Template(LogRetentionDays=90)
    assert template.properties("FilesBucket")["LoggingConfiguration"] == {
        "DestinationBucketName": "<AccessLogBucket>",
        "TargetObjectKeyFormat": {"PartitionedPrefix": {"PartitionDateSource": "EventTime"}},
    }
    [rule] = template.properties("AccessLogBucket")["LifecycleConfiguration"]["Rules"]
    assert (rule["Status"], rule["ExpirationInDays"]) == ("Enabled", "90")
    assert template.outputs()["AccessLogBucketName"] == "<AccessLogBucket>"


def test_only_s3_for_this_bucket_may_write_the_access_log():
    statements = Template().statements("AccessLogBucketPolicy")
    [allowed] = [statement for statement in statements.values() if statement["Effect"] == "Allow"]
    assert allowed["Principal"] == {"Service": "logging.s3.amazonaws.com"}
    assert (allowed["Action"], allowed["Resource"]) == ("s3:PutObject", "<AccessLogBucket.Arn>/*")
    assert allowed["Condition"] == {
        "ArnEquals": {"aws:SourceArn": f"arn:aws:s3:::{NEW_BUCKET}"},
        "StringEquals": {"aws:SourceAccount": "123456789012"},
    }
    assert statements["OnlyOverTls"]["Effect"] == "Deny"
    bucket = Template().properties("AccessLogBucket")
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}


@pytest.mark.parametrize("parameters", [{"AccessLogs": "no"}, {"ExistingBucketName": "my-files"}])
def test_there_is_no_access_log_if_it_is_not_wanted_or_the_bucket_is_not_the_stack_s(parameters):
    template = Template(**parameters)
    assert not template.exists("AccessLogBucket") and not template.exists("AccessLogBucketPolicy")
    assert "AccessLogBucketName" not in template.outputs()
    if template.exists("FilesBucket"):
        assert "LoggingConfiguration" not in template.properties("FilesBucket")
