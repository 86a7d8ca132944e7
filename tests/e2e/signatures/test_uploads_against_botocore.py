"""Compares every request of an upload with the one that botocore signs, and forms with those of botocore and of AWS's
SDK for JavaScript.

URLs must be equal in every character, except for the order of the query parameters. A form's policy is JSON, which each
signer writes in its own way: the policies must say the same, and the signature of ours must be the one that botocore makes.
"""

import json
import os
import shutil
import subprocess
from datetime import datetime, timedelta, timezone

import pytest
from browser import npm
from examples.language import Node
from fake_aws import FakeAws
from local_aws import paths
from local_lambda import offline, running, uploads
from signatures import botocore_uploads, botocore_urls
from signatures.tricky_keys import KEYS

KMS_KEY = "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
ENCRYPTED = {"x-amz-server-side-encryption": "aws:kms", "x-amz-server-side-encryption-aws-kms-key-id": KMS_KEY}
# SHA-256 of "x", in base64.
CHECKSUM = "LXEWQrcmsEQBYnyp+6wy9chTD7GQPMTbAiWHF5IaSIE="
METADATA = {"x-amz-meta-author": "alice  &   bob, ~ %41+", "x-amz-tagging": "project=a%20b%2Fc"}

# The region of each bucket, and the URL before the slash in front of the key: the bucket in the host, and in the path.
BUCKETS = {
    "files": ("eu-central-1", "https://files.s3.eu-central-1.amazonaws.com"),
    "files.example.com": ("eu-west-1", "https://s3.eu-west-1.amazonaws.com/files.example.com"),
}
# Where forms are sent.
FORMS_TO = {"files": f"{BUCKETS['files'][1]}/", "files.example.com": BUCKETS["files.example.com"][1]}
COMMON = {"actions": ["put"], "principals": ["*"], "max_size": 10**12, "metadata": ["author"], "tags": ["project"]}

# What STS gives. The fake AWS says so.
MINTED = {
    "AWS_ACCESS_KEY_ID": "ASIAMINTED",
    "AWS_SECRET_ACCESS_KEY": "minted-secret",
    "AWS_SESSION_TOKEN": "minted-token",
}
CREDENTIALS = botocore_urls.credentials_of(MINTED)


@pytest.fixture(scope="module")
def function(built):
    grants = [
        {**COMMON, "bucket": bucket, "region": region, "prefix": prefix, **fields}
        for bucket, (region, _) in BUCKETS.items()
        for prefix, fields in {
            "private-files/": {"keys": "caller"},
            "encrypted/": {"keys": "caller", "overwrite": True, "put_headers": ENCRYPTED},
            "forms/": {"forms": True, "put_headers": ENCRYPTED},
        }.items()
    ]
    with FakeAws() as sts:
        sts.mint_until(datetime.now(timezone.utc) + timedelta(hours=1))
        variables = offline.environment(
            GRANTS=json.dumps(grants),
            UPLOAD_ROLE_ARN="arn:aws:iam::123456789012:role/uploads",
            AWS_ENDPOINT_URL_STS=sts.url,
        )
        with running.LocalLambda("signatures-uploads", **variables) as function:
            yield uploads.of(function)


def compare(answer, query, headers):
    """Compare a signed request with botocore's."""
    region, origin = BUCKETS[answer["bucket"]]
    expected = botocore_uploads.url(answer, CREDENTIALS, origin, region, query, headers)
    assert botocore_urls.comparable(answer["url"]) == botocore_urls.comparable(expected), answer["key"]
    # The client sends its length by itself.
    assert answer.get("headers", {}) == {name: value for name, value in headers.items() if name != "content-length"}


@pytest.mark.parametrize("bucket", BUCKETS)
def test_every_tricky_key_is_signed_as_botocore_signs_it(function, bucket):
    for number, key in enumerate(KEYS):
        answer = function.begin(bucket=bucket, key=key, size=number, content_type="text/plain; charset=utf-8")
        headers = {
            "content-length": str(number),
            "content-type": "text/plain; charset=utf-8",
            "if-none-match": "*",
        }
        compare(answer, {"x-id": "PutObject"}, headers)


@pytest.mark.parametrize("prefix", ["private-files/", "encrypted/"])
@pytest.mark.parametrize("bucket", BUCKETS)
def test_every_step_with_all_its_headers_is_signed_as_botocore_signs_it(function, bucket, prefix):
    of_the_grant = ENCRYPTED if prefix == "encrypted/" else {}
    spares = {} if prefix == "encrypted/" else {"if-none-match": "*"}
    upload_id = "2~Vx+/=é &?.ab_c-"
    for key in (f"{prefix}report.pdf", f"{prefix}Résumé 2026 + 100%//~.pdf"):
        wanted = {"bucket": bucket, "key": key, "content_type": "application/pdf"}
        new = {"content-type": "application/pdf", **of_the_grant, **METADATA}

        checked = {"x-amz-checksum-sha256": CHECKSUM}
        put = function.begin(**wanted, size=1, headers={**METADATA, **checked})
        compare(put, {"x-id": "PutObject"}, {**new, **spares, **checked, "content-length": "1"})

        size = 10_000 * 5 * 2**20 + 7
        create = function.begin(**wanted, size=size, headers=METADATA)
        compare(create, {"uploads": ""}, new)
        parts = create["multipart"]

        step = {"bucket": bucket, "key": key, "uploadId": upload_id}
        for number in (1, 2, parts["parts"]):
            length = min(parts["part_size"], size - (number - 1) * parts["part_size"])
            part = function.sign("PUT", **step, partNumber=number, size=size)
            query = {"x-id": "UploadPart", "partNumber": str(number), "uploadId": upload_id}
            compare(part, query, {"content-type": "application/octet-stream", "content-length": str(length)})

        complete = function.sign("POST", **step, size=size)
        compare(complete, {"uploadId": upload_id}, {"x-amz-mp-object-size": str(size), **spares})
        for marker in ({}, {"part-number-marker": "17"}):
            listed = function.sign("GET", **step, **({"partNumberMarker": 17} if marker else {}))
            compare(listed, {"x-id": "ListParts", "uploadId": upload_id, **marker}, {})
        abort = function.sign("DELETE", **step)
        compare(abort, {"x-id": "AbortMultipartUpload", "uploadId": upload_id}, {})


# Forms


def forms(function):
    """A form in each bucket, with and without a size, and its fields besides those of the signature, and its lengths."""
    for bucket in BUCKETS:
        metadata = {name: value for name, value in METADATA.items() if name != "x-amz-tagging"}
        fields = {"content-type": "image/png", **ENCRYPTED, **metadata, "success_action_status": "201"}
        for size, length in ((None, [0, 5 * 2**30]), (7, [7, 7])):
            wanted = {"bucket": bucket, "name": "Résumé 日本語 & \"a\".png", "content_type": "image/png"}
            size = {} if size is None else {"size": size}
            answer = function.begin(**wanted, **size, form=True, headers=metadata)
            yield answer, fields, length


def same(policy):
    """A policy in a form that can be compared: the order of its conditions means nothing."""
    # The SDK for JavaScript repeats some conditions.
    conditions = {json.dumps(condition, sort_keys=True) for condition in policy["conditions"]}
    return datetime.fromisoformat(policy["expiration"]), conditions


def without_policy(fields):
    return {name: value for name, value in fields.items() if name not in ("policy", "x-amz-signature")}


def test_a_form_has_the_fields_the_policy_and_the_signature_of_botocore(function):
    for answer, fields, length in forms(function):
        region, _ = BUCKETS[answer["bucket"]]
        assert answer["url"] == FORMS_TO[answer["bucket"]]
        expected = botocore_uploads.form(answer, CREDENTIALS, answer["bucket"], region, fields, length)
        assert without_policy(answer["fields"]) == without_policy(expected)
        assert same(botocore_uploads.policy(answer)) == same(botocore_uploads.policy({"fields": expected}))
        assert answer["fields"]["x-amz-signature"] == botocore_uploads.signature(answer, CREDENTIALS, region)


def test_a_form_s_policy_ends_when_the_answer_says(function):
    for answer, _, _ in forms(function):
        assert datetime.fromisoformat(botocore_uploads.policy(answer)["expiration"]) == datetime.fromisoformat(answer["expires_at"])


def test_a_form_is_the_one_of_aws_s_sdk_for_javascript(function, forms_of_javascript):
    made = list(forms(function))
    wanted = []
    for answer, fields, length in made:
        signed_at = datetime.strptime(answer["fields"]["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc)
        named = [{name: value} for name, value in fields.items()]
        wanted.append(
            {
                "credentials": {
                    "accessKeyId": CREDENTIALS.access_key,
                    "secretAccessKey": CREDENTIALS.secret_key,
                    "sessionToken": CREDENTIALS.token,
                },
                "region": BUCKETS[answer["bucket"]][0],
                "now": int(signed_at.timestamp() * 1000),
                "Bucket": answer["bucket"],
                "Key": answer["key"],
                "Conditions": [["content-length-range", *length], *named],
                "Fields": fields,
                "Expires": answer["expires_in"],
            }
        )
    for (answer, _, _), theirs in zip(made, forms_of_javascript(wanted), strict=True):
        lower = {name.lower(): value for name, value in theirs["fields"].items()}
        # The SDK names the bucket in a field too.
        assert lower.pop("bucket") == answer["bucket"]
        assert without_policy(answer["fields"]) == without_policy(lower)
        ours, others = botocore_uploads.policy(answer), botocore_uploads.policy({"fields": lower})
        assert same(lower_names(others)) == same(ours)


def lower_names(policy):
    """A policy whose fields are named in lower case. S3 does not distinguish the cases."""
    conditions = [
        {name.lower(): value for name, value in condition.items()} if isinstance(condition, dict) else condition
        for condition in policy["conditions"]
    ]
    return {**policy, "conditions": conditions}


@pytest.fixture(scope="module")
def forms_of_javascript():
    """Signs forms with AWS's SDK for JavaScript. Without its packages the test fails in CI, and is skipped elsewhere."""
    sdk = Sdk()
    with npm.available_or_skipped():
        sdk.install()
    return sdk.forms


class Sdk(Node):
    """AWS's SDK for JavaScript, pinned beside these tests."""

    def __init__(self):
        self.source = paths.ROOT / "tests" / "e2e" / "signatures" / "node"
        self.installed = paths.TARGET / "forms-of-javascript"

    def install(self):
        needed = self.needed()
        with npm.installing(self.installed, (self.source / self.pins).read_text(encoding="utf-8")) as missing:
            if missing:
                self.prepare(needed)
                self.copy_to(self.installed)
                self.fetch("npm ci")

    def forms(self, wanted):
        """The forms that the SDK signs."""
        shutil.copy2(self.source / "form.mjs", self.installed)
        done = subprocess.run(
            [self.installed / "bin" / "node", "form.mjs"],
            cwd=self.installed,
            env={"PATH": os.defpath},
            input=json.dumps(wanted),
            capture_output=True,
            encoding="utf-8",
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)
