"""Builds the function the way a user does, with `sam build`, which calls cargo-lambda.

For the processor of this machine, whatever the template's default is: the function runs here.
"""

import fcntl
import os
import platform
import shutil
import sys

from . import commands, paths, isolation

PROCESSORS = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}


def architecture():
    """What Lambda calls this machine's processor."""
    machine = platform.machine().lower()
    if platform.system() != "Linux" or machine not in PROCESSORS:
        raise commands.Failure(
            f"the local AWS runs the function as a process of this machine, which must be Linux on x86_64 "
            f"or aarch64, not {platform.system()} on {machine}"
        )
    return PROCESSORS[machine]


def build():
    """Build; seconds when nothing has changed. The result is in paths.SAM_BUILD and paths.BOOTSTRAP."""
    processor = architecture()
    if shutil.which("cargo") is None:
        raise commands.Failure("there is no `cargo` on the path: install Rust, see https://rustup.rs")
    log = paths.LOCAL_AWS / "build.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(paths.LOCAL_AWS / "build.lock", "w", encoding="utf-8") as lock:
        # Two builds at once would take each other's files away: `make test` beside `make run`, say.
        fcntl.flock(lock, fcntl.LOCK_EX)
        make_replaceable(paths.BOOTSTRAP)
        commands.run(
            [
                "sam", "build",
                "--template-file", paths.TEMPLATE,
                "--build-dir", paths.SAM_BUILD,
                "--config-file", no_sam_config(),
                "--parameter-overrides", f"Architecture={processor}",
            ],
            log=log,
            env=isolation.with_tools(
                # Plain cargo builds for the machine it runs on; the default, zig, is for other machines.
                CARGO_LAMBDA_COMPILER="cargo",
                CARGO_TARGET_DIR=str(paths.TARGET),
            ),
            cwd=paths.ROOT,
            failure="the function did not build",
        )


def make_replaceable(program):
    """Put a copy in a program's place, which no process runs: cargo-lambda can't write over a running one."""
    if program.exists():
        copy = program.with_suffix(".copy")
        shutil.copy2(program, copy)
        os.replace(copy, program)


def no_sam_config():
    """An empty configuration for SAM, so that a samconfig.toml for a real account can't slip in."""
    empty = paths.TARGET / "sam" / "no-config.toml"
    empty.parent.mkdir(parents=True, exist_ok=True)
    empty.write_text("version = 0.1\n", encoding="utf-8")
    return empty


if __name__ == "__main__":
    isolation.isolate()
    try:
        build()
    except commands.Failure as reason:
        sys.exit(str(reason))
    print(paths.BOOTSTRAP)
