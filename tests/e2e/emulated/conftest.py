"""The functions for the tests in this folder: the built bootstrap, and an AWS that refuses every request."""

import fake_aws
import pytest
from local_lambda import offline, running


@pytest.fixture(scope="session")
def refusing_aws(built):
    with fake_aws.refusing() as aws:
        yield aws


@pytest.fixture(scope="session")
def function(built, refusing_aws):
    """A function with default settings. Its links are for S3 itself."""
    with running.LocalLambda("emulated", **offline.environment(AWS_ENDPOINT_URL_STS=refusing_aws.url)) as function:
        yield function


@pytest.fixture(scope="session")
def function_with_base_path(built, refusing_aws):
    """A function whose routes are below /files, as behind a custom domain or a CDN."""
    variables = offline.environment(AWS_ENDPOINT_URL_STS=refusing_aws.url, PUBLIC_URL="https://example.com/files")
    with running.LocalLambda("emulated-base-path", **variables) as function:
        yield function


@pytest.fixture(scope="session")
def isolated_function(built, refusing_aws):
    """A function for malicious requests. Every endpoint is on this machine, so no request can leave it."""
    with running.LocalLambda("emulated-hostile", **offline.environment(AWS_ENDPOINT_URL=refusing_aws.url)) as function:
        yield function
        # All tests used the same process, and it never panicked.
        assert function.log_text().count("INIT START") == 1
        assert "panicked" not in function.log_text()
