"""Fetches Debian's container engine into target/. It installs nothing on the system.

apt fetches the packages from the mirror that it is configured for. They must be the ones below.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess

from local_aws import commands, paths

# Debian 12's, for x86_64.
PACKAGES = {
    "docker.io=20.10.24+dfsg1-1+deb12u1+b6": "daf8ff8f7aa53e8533d38e386fcc2a11e8f3891210776fb78a84b98feb4eea0e",
    "containerd=1.6.20~ds1-1+deb12u3": "8669d264eeb0fcdb4a0b1ba436ab88ec5dafde4a66e1278ec279d830db4c2216",
    "runc=1.1.5+ds1-1+deb12u1": "a00351f8c0318de0b424ecf5cd0fdb69880a89f3511cae4f6fff7de3e57881c5",
    # For `ip`, which Debian does not always have, and for the stand-in of Lambda's image.
    "busybox-static=1:1.35.0-4+deb12u1+b1": "3d3fdbe91d4660c873e14b092c213fe81c1da6362daa236eb25d0171eb108744",
}

FOLDER = paths.TARGET / "debian-docker"
# Written last. It names the packages, so that others are installed anew.
INSTALLED = FOLDER / "installed"
PROGRAMS = [FOLDER / "usr" / "sbin", FOLDER / "usr" / "bin", FOLDER / "bin"]
BUSYBOX = FOLDER / "bin" / "busybox"

TOOLS = ("apt-get", "dpkg-deb", "unshare", "nsenter", "mount")


class Unavailable(Exception):
    """`sam local` can't be run on this machine. The reason is a sentence for the user."""


def install():
    """Install the engine, if it is not installed yet.

    Raises Unavailable if this machine can't have it, and AssertionError if a package is not the pinned one.
    """
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing or os.geteuid() != 0:
        reason = f"`{missing[0]}` was not found" if missing else "only root may start one"
        raise Unavailable(f"no container engine answers `docker info`, and Debian's can't be started: {reason}")
    FOLDER.parent.mkdir(parents=True, exist_ok=True)
    with open(FOLDER.with_suffix(".lock"), "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        pinned = "\n".join(PACKAGES)
        if INSTALLED.exists() and INSTALLED.read_text(encoding="utf-8") == pinned:
            return
        shutil.rmtree(FOLDER, ignore_errors=True)
        FOLDER.mkdir()
        fetch()
        for package in fetched():
            subprocess.run(["dpkg-deb", "--extract", package, FOLDER], check=True)
            package.unlink()
        shutil.rmtree(FOLDER / "apt", ignore_errors=True)
        INSTALLED.write_text(pinned, encoding="utf-8")


def fetch():
    """Fetch the packages, with the system's list of packages or else with a new one."""
    # apt keeps a cache of its lists. It would write it to /var/cache.
    apt = ["apt-get", "-o", "Dir::Cache::pkgcache=", "-o", "Dir::Cache::srcpkgcache=", "-o", "APT::Sandbox::User=root"]
    own_lists = ["-o", f"Dir::State::Lists={FOLDER / 'apt'}"]
    log = FOLDER.with_suffix(".log")
    try:
        apt_get([*apt, "download", *PACKAGES], log)
    except commands.Failure:
        (FOLDER / "apt" / "partial").mkdir(parents=True)
        try:
            apt_get([*apt, *own_lists, "update"], log)
            apt_get([*apt, *own_lists, "download", *PACKAGES], log)
        except commands.Failure as failure:
            raise Unavailable(str(failure)) from None


def apt_get(command, log):
    commands.run(command, log=log, env=os.environ, cwd=FOLDER, failure=f"apt-get did not fetch {', '.join(PACKAGES)}")


def fetched():
    """The paths of the fetched packages, each of which is a pinned one."""
    found = sorted(FOLDER.glob("*.deb"))
    sums = {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in found}
    assert sorted(sums.values()) == sorted(PACKAGES.values()), f"these are not the pinned packages: {sums}"
    return found
