"""The paths of this checkout, and what decides them. This module neither creates nor reads files."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
TEMPLATE = ROOT / "template.yaml"

TARGET = ROOT / "target"
# What cargo-lambda compiles with. cargo compiles for this machine. Users have cargo-zigbuild, which is cargo-lambda's own
# default and links with zig: `make check-zig`.
COMPILER = os.environ.get("CARGO_LAMBDA_COMPILER", "cargo")
BUILD = TARGET if COMPILER == "cargo" else TARGET / COMPILER
# cargo-lambda's release build. All Python tests run this file.
BOOTSTRAP = BUILD / "lambda" / "s3-link-signer" / "bootstrap"
SAM_BUILD = BUILD / "sam" / "build"
LOCAL_AWS = TARGET / "local-aws"

# The virtual environments. ministack has its own, because it pins another botocore than SAM does. The tools that
# fetch Chromium have their own, because they are large.
TOOLS = ROOT / ".venv"
MINISTACK = ROOT / ".venv-ministack"
BROWSER_TOOLS = ROOT / ".venv-browser"
