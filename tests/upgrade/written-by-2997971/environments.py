"""Writes environments/, samconfig.toml and tables.yaml into a folder, as template.yaml says."""

import json
import pathlib
import sys

from local_aws import paths
from local_aws.template_text import Template, parsed

TO = pathlib.Path(sys.argv[1])

GRANTS = [
    {
        "bucket": "files", "prefix": "finance/{claim:tenant}/", "principals": ["*"], "claims": {"groups": "finance"},
        "actions": ["get", "share"], "max_expires_in": 1800, "max_share_expires_in": 2592000, "region": "eu-central-1",
    },
    {
        "bucket": "files", "prefix": "users/{principal}/", "principals": ["alice", "bob@*"], "actions": ["get", "share"],
        "versions": True, "trusted_content": True, "region": "eu-central-1",
    },
    {
        "bucket": "files", "prefix": "reports/", "principals": ["arn:aws:sts::123456789012:assumed-role/reports/*"],
        "actions": ["get", "share"], "max_share_expires_in": 86400, "region": "eu-central-1",
    },
    {"bucket": "files", "prefix": "public/", "principals": ["anonymous"], "max_expires_in": 300, "region": "eu-central-1"},
    {"bucket": "files", "prefix": "drop/", "principals": ["bob@*"], "actions": ["share"], "region": "eu-central-1"},
    {"bucket": "finance", "prefix": "", "principals": ["arn:aws:iam::123456789012:user/*"], "region": "us-east-1"},
    {
        "bucket": "arn:aws:s3:eu-central-1:123456789012:accesspoint/reports", "prefix": "2026/",
        "principals": ["arn:aws:iam::123456789012:user/carol"],
    },
]  # fmt: skip

MAILS = {"MailFrom": "files@example.com", "MailTo": "team@example.com", "MailAllowedRecipients": "*@example.com"}
SHARES = {"ShareLinks": "yes", "PublicUrl": "https://files.example.com"}

EVERY_PARAMETER = {
    "Architecture": "arm64",
    "ExistingBucketName": "files",
    "FilesPrefix": "users/{principal}/inbox/",
    "MaxExpiresIn": 7200,
    "ListBucket": "yes",
    "OldVersions": "yes",
    "Doctor": "no",
    "Grants": "",
    "GrantsObject": "s3://my-config/grants.json",
    "ReadableObjects": "arn:aws:s3:::finance,arn:aws:s3:::finance/reports/*",
    "KmsKeyArn": "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
    "PermissionsBoundary": "arn:aws:iam::123456789012:policy/boundary",
    "Principals": "alice,bob@*",
    "JwtIssuer": "https://login.example.com/",
    "JwtAudience": "links",
    "AllowedOrigins": "https://app.example.com,http://localhost:3000",
    "ThrottlingRate": 25,
    "ThrottlingBurst": 60,
    "ShareLinks": "yes",
    "ShareMaxExpiresIn": 2592000,
    "PublicUrl": "https://files.example.com",
    "ShareOpenSeconds": 600,
    "ShareThrottlingRate": 10,
    "ShareThrottlingBurst": 30,
    "MailFrom": "files@example.com",
    "MailFromName": "Example Ltd",
    "MailSubject": "{name} is there ({size})",
    "MailTo": "team@example.com,carol@example.com",
    "MailAllowedRecipients": "*@example.com,*@*.example.com",
    "MailMaxRecipients": 5,
    "MailExpiresIn": 21600,
    "MailMinExpiresIn": 1800,
    "MailShareExpiresIn": 1209600,
    "AccessLogs": "no",
    "LogRetentionDays": 90,
    "AlarmTopicArn": "arn:aws:sns:eu-central-1:123456789012:alarms",
}

STACKS = {
    "default": {},
    "mails": MAILS,
    "shares-and-mails": SHARES | MAILS,
    "own-grants": SHARES | MAILS | {"Grants": json.dumps(GRANTS, separators=(",", ":")), "ReadableObjects": "arn:aws:s3:::finance/*"},
    "every-parameter": EVERY_PARAMETER,
}


def write(name, text):
    (TO / name).write_text(text, encoding="utf-8")


def block(name):
    """The lines of a resource, comments and empty lines left out."""
    lines = iter(paths.TEMPLATE.read_text(encoding="utf-8").splitlines())
    yield next(line for line in lines if line == f"  {name}:")
    for line in lines:
        if line.startswith("  ") and not line.startswith("   ") and not line.lstrip().startswith("#"):
            return
        if line.strip() and not line.lstrip().startswith("#"):
            yield line


if __name__ == "__main__":
    if EVERY_PARAMETER.keys() != parsed()["Parameters"].keys():
        raise SystemExit(f"not every parameter: {EVERY_PARAMETER.keys() ^ parsed()['Parameters'].keys()}")
    (TO / "environments").mkdir(parents=True)
    for stack, parameters in STACKS.items():
        template = Template(**parameters)
        for function, resource in (("signer", "LinkSigner"), ("mailer", "LinkMailer")):
            if template.exists(resource):
                variables = template.properties(resource)["Environment"]["Variables"]
                write(f"environments/{stack}-{function}.json", json.dumps(variables, indent=2, ensure_ascii=False) + "\n")
    quoted = [
        f'    "{name}={value}",' if value != "" and " " not in str(value) else f'    "{name}=\\"{value}\\"",'
        for name, value in EVERY_PARAMETER.items()
    ]
    write(
        "samconfig.toml",
        "version = 0.1\n\n[default.global.parameters]\n" 'stack_name = "s3-link-signer"\nregion = "eu-central-1"\n'
        "parameter_overrides = [\n" + "\n".join(quoted) + "\n]\n\n"
        '[default.deploy.parameters]\ncapabilities = "CAPABILITY_IAM"\nresolve_s3 = true\nconfirm_changeset = true\n',
    )
    write("tables.yaml", "\n".join([*block("SharesTable"), *block("MailLedger")]) + "\n")
