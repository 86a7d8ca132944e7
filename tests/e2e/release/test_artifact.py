"""The deployed bootstrap: whether Lambda's provided.al2023 can run it, its size, and how it is linked."""

import io
import re
import struct
import urllib.request
import zipfile

import pytest
from local_aws import paths

# The version of glibc in Amazon Linux 2023.
GLIBC = (2, 34)
# Bytes. A cold start loads the package.
MAX_PACKAGE_BYTES = 6_000_000
# Source: elf(5). Fixed-address programs have the type ET_EXEC, which is 2.
ET_DYN = 3
PT_INTERP = 3


@pytest.fixture(scope="module")
def package(aws, stack):
    """The zip file that was uploaded."""
    location = aws.client("lambda").get_function(FunctionName=stack.function)["Code"]["Location"]
    with urllib.request.urlopen(location) as response:
        return response.read()


def test_the_bootstrap_needs_no_glibc_newer_than_lambdas(built):
    # The binary contains the name of each symbol version that it needs, such as GLIBC_2.34.
    versions = re.findall(rb"GLIBC_(\d+)\.(\d+)", paths.BOOTSTRAP.read_bytes())
    assert versions, "the bootstrap names no version of glibc, so its linking must have changed"
    newest = max((int(major), int(minor)) for major, minor in versions)
    assert newest <= GLIBC, "this system's glibc is too new to build for Lambda with plain cargo; let cargo-lambda use zig"


def test_the_package_contains_the_built_bootstrap_and_nothing_else(package):
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        assert archive.namelist() == ["bootstrap"]
        assert archive.read("bootstrap") == paths.BOOTSTRAP.read_bytes()


def test_the_package_is_at_most_6_mb(package):
    assert len(package) <= MAX_PACKAGE_BYTES


def elf_type(program):
    """e_type in the ELF header."""
    return struct.unpack_from("<H", program, 16)[0]


def segment_types(program):
    """p_type of every program header of a 64-bit ELF file."""
    [offset] = struct.unpack_from("<Q", program, 32)
    size, count = struct.unpack_from("<HH", program, 54)
    return [struct.unpack_from("<I", program, offset + number * size)[0] for number in range(count)]


def test_the_bootstrap_is_a_position_independent_executable(built):
    """The kernel loads such a program at a random address, so an attacker can't know where its code is."""
    program = paths.BOOTSTRAP.read_bytes()
    # Shared libraries have the type ET_DYN too, but no interpreter.
    assert elf_type(program) == ET_DYN
    assert PT_INTERP in segment_types(program)


def test_the_bootstrap_contains_no_path_of_the_machine_that_built_it(built):
    assert str(paths.ROOT).encode() not in paths.BOOTSTRAP.read_bytes()
