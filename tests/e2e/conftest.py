"""What all tests in Python share: nothing reaches a real account, and the function is built."""

import pytest
from local_aws import building, emulator, isolation


@pytest.fixture(scope="session", autouse=True)
def isolated():
    """No test reaches a real account, whatever the environment holds."""
    isolation.isolate()


@pytest.fixture(scope="session")
def built(isolated):
    """The function, built as a user builds it."""
    building.build()


@pytest.fixture(scope="session")
def aws(isolated):
    """A local AWS with nothing on it."""
    with emulator.LocalAws("test-bare") as running:
        yield running
