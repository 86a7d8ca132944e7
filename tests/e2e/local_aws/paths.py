"""The paths of this checkout, and what decides them. This module neither creates nor reads files."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
TEMPLATE = ROOT / "template.yaml"

TARGET = ROOT / "target"
# Which build of the function the Python tests run: the development build, or with BUILD=release the one that is
# deployed to an account, which takes twice as long to build.
IS_RELEASE = os.environ.get("BUILD") == "release"
# What cargo-lambda compiles with. cargo compiles for this machine. Users have cargo-zigbuild, which is cargo-lambda's own
# default and links with zig: `make check-zig`.
COMPILER = os.environ.get("CARGO_LAMBDA_COMPILER", "cargo")
BUILD = TARGET if COMPILER == "cargo" else TARGET / COMPILER
# What `sam build` makes.
SAM_BUILD = BUILD / "sam" / "build"
RELEASE = BUILD / "lambda" / "s3-link-signer" / "bootstrap"
# What `cargo build` makes, under the name that Lambda asks for.
DEVELOPMENT = TARGET / "development" / "bootstrap"
# The fake AWS is a part of the tests, so it is never built for release.
FAKE_AWS = TARGET / "debug" / "fake-aws"
BOOTSTRAP = RELEASE if IS_RELEASE else DEVELOPMENT
LOCAL_AWS = TARGET / "local-aws"
# What the names of logs and states end with, if several pytest processes run side by side.
WORKER = "".join(f"-{name}" for name in [os.environ.get("PYTEST_XDIST_WORKER")] if name)

# The virtual environments. ministack has its own, because it pins another botocore than SAM does. The tools that
# fetch Chromium have their own, because they are large.
TOOLS = ROOT / ".venv"
MINISTACK = ROOT / ".venv-ministack"
BROWSER_TOOLS = ROOT / ".venv-browser"
