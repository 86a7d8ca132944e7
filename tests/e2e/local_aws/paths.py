"""Where things are in this checkout. Nothing else: no file is made or read here."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
TEMPLATE = ROOT / "template.yaml"

TARGET = ROOT / "target"
# cargo-lambda's release build. Whatever tests the real function tests this very file.
BOOTSTRAP = TARGET / "lambda" / "s3-link-signer" / "bootstrap"
SAM_BUILD = TARGET / "sam" / "build"
LOCAL_AWS = TARGET / "local-aws"

# Two, because the local AWS pins another botocore than SAM does.
TOOLS = ROOT / ".venv"
MINISTACK = ROOT / ".venv-ministack"
