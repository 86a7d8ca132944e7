"""Installs a pinned Chromium from the npm registry into target/. It installs nothing on the system.

The package holds a headless Chromium for x86_64 Linux, and the shared libraries and fonts that it needs. Nothing of it
is run as JavaScript.
"""

import platform
import shutil
import subprocess

from local_aws import isolation, paths

from . import npm

PACKAGE = "@sparticuz/chromium@153.0.0"
SHA512 = (
    "8e2196a92bcf31dbb8f8ff538a562a011ef21063c41c8371fa50af13f36a34ef"
    "c41d8cc5ff1d615222394fa8a8548b7b744cbb9fcf1bcb24f4be4f9d9ec810c0"
)

FOLDER = paths.TARGET / "chromium"
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


def install():
    """Install Chromium, if it is not installed yet.

    Raises npm.Unavailable if this machine can't have it, and AssertionError if npm fetched another archive than the
    pinned one.
    """
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        raise npm.Unavailable(
            f"the pinned Chromium is for x86_64 Linux, not for {platform.machine()} {platform.system()}"
        )
    with npm.installing(FOLDER, PACKAGE) as missing:
        if missing:
            npm.fetch(PACKAGE, SHA512, FOLDER)
            unpack()


def unpack():
    """Unpack the program, its libraries and its fonts, and remove everything else."""
    for packed in ("chromium", "al2023.tar", "fonts.tar"):
        # Python has no Brotli.
        source, target = FOLDER / "package" / "bin" / f"{packed}.br", FOLDER / packed
        subprocess.run([npm.node(), "-e", UNPACK, source, target], check=True, env=isolation.clean_environment())
        if target.suffix == ".tar":
            npm.extract(target, target.with_suffix(""))
            target.unlink()
    PROGRAM.chmod(0o755)
    # The package's fontconfig expects the fonts in /tmp.
    configuration = f"<fontconfig><dir>{FONTS}</dir><cachedir>{FOLDER / 'font-cache'}</cachedir></fontconfig>\n"
    (FONTS / "fonts.conf").write_text(f'<?xml version="1.0"?>{configuration}', encoding="utf-8")
    shutil.rmtree(FOLDER / "package")
