"""The paths of this checkout. This module neither creates nor reads files."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
TEMPLATE = ROOT / "template.yaml"

TARGET = ROOT / "target"
# cargo-lambda's release build. All Python tests run this file.
BOOTSTRAP = TARGET / "lambda" / "s3-link-signer" / "bootstrap"
SAM_BUILD = TARGET / "sam" / "build"
LOCAL_AWS = TARGET / "local-aws"

# The virtual environments. There are two, because ministack pins another botocore than SAM does.
TOOLS = ROOT / ".venv"
MINISTACK = ROOT / ".venv-ministack"
