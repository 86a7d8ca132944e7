"""The programs for the tests of the start: the function, and the smallest function to compare it with."""

import pytest
from bare_lambda import building
from local_aws import paths


@pytest.fixture(scope="session")
def function(built):
    """The function as it is deployed."""
    return paths.BOOTSTRAP


@pytest.fixture(scope="session")
def hello_world(isolated):
    """A function that does nothing, built with the same profile and flags."""
    building.build_package("hello-world")
    return building.HELLO_WORLD
