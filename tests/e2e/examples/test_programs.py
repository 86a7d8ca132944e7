"""The programs in examples/python/ and examples/node/, run as their READMEs say, against the deployed stack.

The local AWS checks the signatures, the permission to call the API, and the tokens before the function is invoked.
"""

import datetime
import re

import pytest
from examples import callers
from local_aws.http_server import HttpServer

CONTENT = bytes(range(256)) * 1000
# The READMEs' own.
KEY = "private-files/report.pdf"
SAYS = re.compile(r"The link works until (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)\n")
HEADINGS = {"iam": "With IAM", "token": "With a token"}


@pytest.fixture(scope="session")
def iam(aws, stack, user):
    return callers.with_iam(aws, stack, user.access_key_id, user.secret_access_key)


@pytest.fixture(scope="session")
def token(aws, stack_with_tokens, users):
    return callers.with_token(aws, stack_with_tokens, users.access_token)


@pytest.fixture
def folder(language, tmp_path):
    """A folder with a copy of the example."""
    language.place(tmp_path)
    return tmp_path


@pytest.fixture
def example(language, folder, files):
    """Runs a program of the README and returns the process and the files that it saved."""

    def run(heading, caller, key=KEY):
        _, variables, words = language.documented(HEADINGS[heading])
        assert variables == set(caller.variables), "the README says to set what is set here, and nothing else"
        assert words[-1] == KEY
        before = set(folder.iterdir())
        done = language.run([*words[:-1], key], folder, {**caller.variables, **caller.credentials})
        return done, {file.name: file.read_bytes() for file in set(folder.iterdir()) - before if file.is_file()}

    return run


@pytest.fixture(params=HEADINGS)
def sign_in(request):
    """How the caller signs in, and such a caller."""
    return request.param, request.getfixturevalue(request.param)


@pytest.fixture(scope="session")
def files(aws, stack, stack_with_tokens):
    """A file under the READMEs' key, and one with another name."""
    for one in (stack, stack_with_tokens):
        for key in (KEY, "private-files/Résumé 2026 — 日本語.pdf"):
            aws.client("s3").put_object(Bucket=one.bucket, Key=key, Body=CONTENT)


def assert_downloaded(done, saved, name="report.pdf"):
    assert (done.returncode, done.stderr) == (0, "")
    assert saved == {name: CONTENT}
    # The whole output: neither the link nor the token.
    until = datetime.datetime.fromisoformat(SAYS.fullmatch(done.stdout)[1])
    left = until - datetime.datetime.now(datetime.timezone.utc)
    assert datetime.timedelta(minutes=45) < left <= datetime.timedelta(hours=1)


def assert_refused(done, saved, sentence):
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"{sentence}\n")
    assert saved == {}


def test_the_readme_s_commands_save_the_file(example, sign_in):
    heading, caller = sign_in
    assert_downloaded(*example(heading, caller))


def test_a_name_in_any_language_is_kept(example, sign_in):
    heading, caller = sign_in
    assert_downloaded(*example(heading, caller, "private-files/Résumé 2026 — 日本語.pdf"), "Résumé 2026 — 日本語.pdf")


@pytest.mark.parametrize(
    ("key", "begins"),
    [
        ("elsewhere/secret.pdf", "No grant gives this principal this object."),
        ("private-files/missing.pdf", "S3 answered 40"),
    ],
)
def test_a_refusal_says_the_api_s_own_sentence(example, sign_in, key, begins):
    heading, caller = sign_in
    sentence = caller.refusal(key)
    assert sentence.startswith(begins)
    assert_refused(*example(heading, caller, key), sentence)


def test_the_gateway_s_refusal_of_a_signature_is_said(example, aws, stack, user):
    caller = callers.with_iam(aws, stack, user.access_key_id, "not the secret")
    assert_refused(*example("iam", caller), caller.refusal(KEY))


def test_the_gateway_s_refusal_of_a_token_is_said(example, aws, stack_with_tokens, users):
    header, claims, signature = users.access_token.split(".")
    forged = f"{header}.{claims}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}"
    caller = callers.with_token(aws, stack_with_tokens, forged)
    assert caller.refusal(KEY) == "Unauthorized"
    assert_refused(*example("token", caller), "Unauthorized")


def test_a_session_s_token_is_signed(example, aws, stack, user):
    """As nearly all credentials have one: those of roles, of SSO, of instances."""
    keys = {"AccessKeyId": user.access_key_id, "SecretAccessKey": user.secret_access_key}
    session = aws.client("sts", keys).get_session_token()["Credentials"]
    caller = callers.with_iam(aws, stack, session["AccessKeyId"], session["SecretAccessKey"], session["SessionToken"])
    assert_downloaded(*example("iam", caller))


class Gateway(HttpServer):
    """Refuses every request, and keeps its headers."""

    def __init__(self):
        super().__init__()
        self.received = []

    def answer(self, method, target, headers, body):
        self.received.append((f"{method} {target}", headers))
        return 403, {"Content-Type": "application/json"}, b'{"message": "Forbidden"}'


def test_the_signature_is_for_the_api_in_the_region(example):
    """The local AWS also accepts a signature for another service. AWS does not."""
    with Gateway() as gateway:
        variables = {"API_URL": gateway.url, "AWS_REGION": "eu-central-1"}
        keys = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "session"}
        done, saved = example("iam", callers.Caller(gateway.url, variables, keys))
    assert_refused(done, saved, "Forbidden")
    [(request, headers)] = gateway.received
    assert request == "POST /links"
    assert re.search(r"Credential=AKIDEXAMPLE/\d{8}/eu-central-1/execute-api/aws4_request\b", headers["Authorization"])
    [signed] = re.findall(r"SignedHeaders=([\w;-]+)", headers["Authorization"])
    assert {"host", "x-amz-date", "x-amz-security-token"} <= set(signed.split(";"))


def test_the_credentials_may_be_a_profile_s(example, aws, stack, user, tmp_path_factory):
    file = tmp_path_factory.mktemp("aws") / "credentials"
    file.write_text(
        f"[mine]\naws_access_key_id = {user.access_key_id}\naws_secret_access_key = {user.secret_access_key}\n",
        encoding="utf-8",
    )
    variables = callers.with_iam(aws, stack, "", "").variables
    profile = {"AWS_SHARED_CREDENTIALS_FILE": str(file), "AWS_PROFILE": "mine"}
    assert_downloaded(*example("iam", callers.Caller(variables["API_URL"], variables, profile)))


def test_an_id_token_is_accepted_as_an_access_token_is(example, aws, stack_with_tokens, users):
    """examples/browser/README.md says so."""
    assert_downloaded(*example("token", callers.with_token(aws, stack_with_tokens, users.id_token)))
