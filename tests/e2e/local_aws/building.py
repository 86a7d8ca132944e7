"""Builds the function for this machine's processor, because the function runs here, whatever the template's default is.

`build_for_development` takes minutes at first and seconds after a change: `make run` and the tests have it.
`build_for_release` is what a user deploys: `sam build`, which calls cargo-lambda. Beside either, `build` builds the fake
AWS, which tests call.
"""

import contextlib
import fcntl
import os
import platform
import shutil
import subprocess
import sys

from . import commands, isolation, paths

# For `sam build`.
VARIABLES = {
    "CARGO_LAMBDA_COMPILER": paths.COMPILER,
    "CARGO_TARGET_DIR": str(paths.BUILD),
}

PROCESSORS = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}
# Rust's names of what it compiles for, by Lambda's names of processors.
TRIPLES = {"x86_64": "x86_64-unknown-linux-gnu", "arm64": "aarch64-unknown-linux-gnu"}

# With this test, cargo builds the dependencies with the features that all tests need, and builds them once for all.
DEVELOPMENT = ["cargo", "build", "--locked", "--bin", "s3-link-signer", "--bin", "fake-aws", "--test", "architecture"]
# The same program as `make fake-aws` builds, without the function.
FAKE_AWS = ["cargo", "build", "--locked", "--package", "fake-aws"]


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
    """Build what the Python tests run: paths.BOOTSTRAP and paths.FAKE_AWS. It takes seconds if nothing has changed."""
    if paths.IS_RELEASE:
        build_for_release()
        cargo(FAKE_AWS, "the fake AWS")
    else:
        build_for_development()


def build_once(run):
    """Build for all workers of a test run, in the first one that asks.

    A second build would replace the files that the tests of the first worker run and deploy by then.
    """
    paths.TARGET.mkdir(exist_ok=True)
    with open(paths.TARGET / "built-for-tests", "a+", encoding="utf-8") as built:
        fcntl.flock(built, fcntl.LOCK_EX)
        built.seek(0)
        if built.read() == run:
            return
        build()
        built.truncate(0)
        built.write(run)


def build_for_development():
    """Build paths.DEVELOPMENT. cargo shows its own progress."""
    check_machine()
    with alone(paths.DEVELOPMENT):
        cargo(DEVELOPMENT, "the function")
        place(paths.TARGET / "debug" / "s3-link-signer", paths.DEVELOPMENT)


def cargo(command, what):
    """Run cargo, whose output the user sees."""
    environment = {**os.environ, "CARGO_TARGET_DIR": str(paths.TARGET)}
    if subprocess.run(command, cwd=paths.ROOT, env=environment, check=False).returncode != 0:
        raise commands.Failure(f"{what} did not build; cargo says why above")


def build_for_release(processor=None, folder=paths.SAM_BUILD):
    """Build paths.RELEASE and paths.SAM_BUILD as a user does. For another processor than this machine's, name another folder."""
    check_machine()
    log = paths.LOCAL_AWS / "build.log"
    with alone(paths.RELEASE):
        commands.run(
            [
                "sam", "build",
                "--template-file", paths.TEMPLATE,
                "--build-dir", folder,
                "--config-file", no_sam_config(),
                "--parameter-overrides", f"Architecture={processor or architecture()}",
            ],
            log=log,
            env=isolation.with_tools(**VARIABLES),
            cwd=paths.ROOT,
            failure="the function did not build",
        )


def check_machine():
    """Raise a Failure if the function can't be built here."""
    architecture()
    if shutil.which("cargo") is None:
        raise commands.Failure("`cargo` was not found on the PATH. Install Rust, see https://rustup.rs")


@contextlib.contextmanager
def alone(program):
    """Waits until no other process builds this program, and lets none begin.

    Two builds at the same time, such as `make test` beside `make run`, would overwrite each other's files.
    """
    program.parent.mkdir(parents=True, exist_ok=True)
    with open(program.with_suffix(".lock"), "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        # cargo-lambda can't overwrite a program that is running.
        if program.exists():
            place(program, program)
        yield


def place(source, program):
    """Put a copy of `source` in the place of a program, which may be running."""
    program.parent.mkdir(parents=True, exist_ok=True)
    copy = program.with_suffix(".copy")
    shutil.copy2(source, copy)
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
        build_for_release()
    except commands.Failure as failure:
        sys.exit(str(failure))
    print(paths.RELEASE)
