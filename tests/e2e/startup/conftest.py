"""The function, for the tests of its start."""

import pytest
from local_aws import paths


@pytest.fixture(scope="session")
def function(built):
    """The built function."""
    return paths.BOOTSTRAP
