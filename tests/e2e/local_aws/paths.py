"""The paths of this checkout. This module neither creates nor reads files."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
TEMPLATE = ROOT / "template.yaml"

TARGET = ROOT / "target"
# cargo-lambda's release build. All Python tests run this file.
BOOTSTRAP = TARGET / "lambda" / "s3-link-signer" / "bootstrap"
SAM_BUILD = TARGET / "sam" / "build"
LOCAL_AWS = TARGET / "local-aws"

# The virtual environments. ministack has its own, because it pins another botocore than SAM does. The tools that
# fetch Chromium have their own, because they are large.
TOOLS = ROOT / ".venv"
MINISTACK = ROOT / ".venv-ministack"
BROWSER_TOOLS = ROOT / ".venv-browser"
