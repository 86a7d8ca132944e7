"""Builds the function as a user does: with `sam build`, which calls cargo-lambda.

It builds for this machine's processor, whatever the template's default is, because the function runs here.
"""

import contextlib
import fcntl
import os
import platform
import shutil
import sys

from . import commands, isolation, paths

# For `sam build`.
VARIABLES = {
    "CARGO_LAMBDA_COMPILER": paths.COMPILER,
    "CARGO_TARGET_DIR": str(paths.BUILD),
}

PROCESSORS = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}


def architecture():
    """Lambda's name for this machine's processor."""
    machine = platform.machine().lower()
    if platform.system() != "Linux" or machine not in PROCESSORS:
        raise commands.Failure(
            f"the local AWS runs the function as a process of this machine, which must be Linux on x86_64 "
            f"or aarch64, not {platform.system()} on {machine}"
        )
    return PROCESSORS[machine]


def build():
    """Build the function to paths.SAM_BUILD and paths.BOOTSTRAP. It takes seconds if nothing has changed."""
    processor = architecture()
    if shutil.which("cargo") is None:
        raise commands.Failure("`cargo` was not found on the PATH. Install Rust, see https://rustup.rs")
    log = paths.LOCAL_AWS / "build.log"
    with alone():
        commands.run(
            [
                "sam", "build",
                "--template-file", paths.TEMPLATE,
                "--build-dir", paths.SAM_BUILD,
                "--config-file", no_sam_config(),
                "--parameter-overrides", f"Architecture={processor}",
            ],
            log=log,
            env=isolation.with_tools(**VARIABLES),
            cwd=paths.ROOT,
            failure="the function did not build",
        )


@contextlib.contextmanager
def alone():
    """Waits until no other process builds, and lets none begin.

    Two builds at the same time, such as `make test` beside `make run`, would overwrite each other's files.
    """
    paths.LOCAL_AWS.mkdir(parents=True, exist_ok=True)
    with open(paths.LOCAL_AWS / "build.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        make_replaceable(paths.BOOTSTRAP)
        yield


def make_replaceable(program):
    """Replace a program by a copy of itself. cargo-lambda can't overwrite a program that is running."""
    if program.exists():
        copy = program.with_suffix(".copy")
        shutil.copy2(program, copy)
        os.replace(copy, program)


def no_sam_config():
    """The path of an empty configuration for SAM, so that it does not read a samconfig.toml for a real account."""
    empty = paths.TARGET / "sam" / "no-config.toml"
    empty.parent.mkdir(parents=True, exist_ok=True)
    empty.write_text("version = 0.1\n", encoding="utf-8")
    return empty


if __name__ == "__main__":
    isolation.isolate()
    try:
        build()
    except commands.Failure as failure:
        sys.exit(str(failure))
    print(paths.BOOTSTRAP)
