"""Fixtures for all Python tests: isolation from real accounts, the built function, and a local AWS.

The tests run side by side. Those of one folder share what they start, so they run one after another.
"""

import pathlib

import pytest
from local_aws import building, emulator, isolation

HERE = pathlib.Path(__file__).parent


@pytest.hookimpl(tryfirst=True)  # xdist reads the marks in the same hook.
def pytest_collection_modifyitems(items):
    """Gives each folder to one worker, and `deployed`, the largest, to several: file by file."""
    for item in items:
        folder = item.path.parent
        together = item.path if folder.name in ("deployed", "release") else folder
        item.add_marker(pytest.mark.xdist_group(str(together.relative_to(HERE))))


@pytest.fixture(scope="session", autouse=True)
def isolated():
    """Removes the user's AWS settings, so that no test reaches a real account."""
    isolation.isolate()


@pytest.fixture(scope="session")
def built(isolated, testrun_uid):
    """Builds the function that the tests run, once for all workers."""
    building.build_once(testrun_uid)


@pytest.fixture(scope="session")
def aws(isolated):
    """An empty local AWS."""
    with emulator.LocalAws("test-bare") as running:
        yield running
