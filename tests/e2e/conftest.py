"""Fixtures for all Python tests: isolation from real accounts, the built function, and a local AWS."""

import pytest
from local_aws import building, emulator, isolation


@pytest.fixture(scope="session", autouse=True)
def isolated():
    """Removes the user's AWS settings, so that no test reaches a real account."""
    isolation.isolate()


@pytest.fixture(scope="session")
def built(isolated):
    """Builds the function as a user does."""
    building.build()


@pytest.fixture(scope="session")
def aws(isolated):
    """An empty local AWS."""
    with emulator.LocalAws("test-bare") as running:
        yield running
