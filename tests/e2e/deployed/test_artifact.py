"""The bootstrap that was deployed: will Lambda's provided.al2023 run it, and how big is it."""

import io
import platform
import re
import urllib.request
import zipfile

import pytest
from local_aws import paths

# What Amazon Linux 2023 has.
GLIBC = (2, 34)
# In bytes, of which a MB has a million.
MOST = 4_500_000


@pytest.fixture(scope="module")
def package(aws, stack):
    """The zip as it was uploaded."""
    location = aws.client("lambda").get_function(FunctionName=stack.function)["Code"]["Location"]
    with urllib.request.urlopen(location) as response:
        return response.read()


def test_the_bootstrap_needs_no_glibc_newer_than_lambdas(built):
    # A symbol's version stands in the binary by its name, such as GLIBC_2.34.
    versions = re.findall(rb"GLIBC_(\d+)\.(\d+)", paths.BOOTSTRAP.read_bytes())
    assert versions, "the bootstrap names no glibc version at all; has its linking changed?"
    newest = max((int(major), int(minor)) for major, minor in versions)
    assert newest <= GLIBC, "this system's glibc is too new to build for Lambda with plain cargo; let cargo-lambda use zig"


def test_what_was_deployed_is_the_bootstrap_that_was_built_and_nothing_else(package):
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        assert archive.namelist() == ["bootstrap"]
        assert archive.read("bootstrap") == paths.BOOTSTRAP.read_bytes()


def test_the_package_is_small_because_a_cold_start_loads_it(package):
    assert len(package) <= MOST


@pytest.mark.skipif(platform.machine() != "x86_64", reason="build.rs does so on x86-64 only")
def test_the_bootstrap_stands_at_one_address_because_a_cold_start_would_move_it(built):
    # e_type in the ELF header: 2 is a program that stands where it was linked to, 3 one that is moved.
    assert int.from_bytes(paths.BOOTSTRAP.read_bytes()[16:18], "little") == 2


def test_the_bootstrap_holds_no_path_of_the_machine_that_built_it(built):
    assert str(paths.ROOT).encode() not in paths.BOOTSTRAP.read_bytes()
