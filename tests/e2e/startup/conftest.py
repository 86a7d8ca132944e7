"""What the tests of the start share: the function, and the least there can be to compare it with."""

import pytest
from local_aws import paths
from bare_lambda import building


@pytest.fixture(scope="session")
def function(built):
    """The function as it is deployed."""
    return paths.BOOTSTRAP


@pytest.fixture(scope="session")
def hello_world(isolated):
    """A function that does nothing, built the same way."""
    building.build_package("hello-world")
    return building.HELLO_WORLD
