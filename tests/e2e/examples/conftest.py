"""The languages of the examples with their packages, a stack for callers with IAM, and one for callers with tokens."""

import pytest
from browser import npm
from examples.language import Node, Python
from local_aws import api_client, cognito, deploying


@pytest.fixture(scope="session", params=[Python, Node], ids=lambda language: language.name)
def language(request, isolated):
    """The examples in one language. Without its packages these tests fail in CI, and are skipped elsewhere."""
    language = request.param()
    with npm.available_or_skipped():
        language.install()
    return language


@pytest.fixture(scope="session")
def stack(built, aws):
    """A stack whose callers sign with IAM."""
    return deploying.deploy(aws, stack="examples-with-iam")


@pytest.fixture(scope="session")
def user(aws, stack):
    """An IAM user who may call that stack's API, with a long-term key."""
    return api_client.create_caller(aws, stack, "who-runs-the-examples")


@pytest.fixture(scope="session")
def users(aws):
    return cognito.Users(aws)


@pytest.fixture(scope="session")
def stack_with_tokens(built, aws, users):
    """A stack whose callers bring tokens."""
    return deploying.deploy(
        aws, stack="examples-with-tokens", JwtIssuer=users.issuer, JwtAudience=users.audience, Principals="*"
    )
