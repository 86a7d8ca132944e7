"""The functions that the tests in this folder ask: nothing but the built bootstrap, and an AWS that refuses all."""

import pytest
from local_lambda import offline, refusing_aws as refusing, running


@pytest.fixture(scope="session")
def refusing_aws():
    with refusing.RefusingAws() as aws:
        yield aws


@pytest.fixture(scope="session")
def function(built, refusing_aws):
    """The function as it comes: its links lead to S3 itself."""
    with running.LocalLambda("emulated", **offline.environment(AWS_ENDPOINT_URL_STS=refusing_aws.url)) as function:
        yield function


@pytest.fixture(scope="session")
def function_under_a_path(built, refusing_aws):
    """The same, told that a custom domain or a CDN puts /files before its routes."""
    variables = offline.environment(AWS_ENDPOINT_URL_STS=refusing_aws.url, BASE_PATH="/files")
    with running.LocalLambda("emulated-base-path", **variables) as function:
        yield function


@pytest.fixture(scope="session")
def hardened(built, refusing_aws):
    """A function for requests that nobody should send: whatever they make it do stays on this machine."""
    with running.LocalLambda("emulated-hostile", **offline.environment(AWS_ENDPOINT_URL=refusing_aws.url)) as function:
        yield function
        # Of the whole run: it was started once, and it never panicked.
        assert function.log_text().count("INIT START") == 1
        assert "panicked" not in function.log_text()
