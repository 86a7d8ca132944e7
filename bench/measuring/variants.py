"""The functions that are measured. Each answers the same events in the same environment.

The source of each says what it leaves out. All but the function itself leave something out, and that makes their
figures better.
"""

from dataclasses import dataclass

from bare_lambda import requests
from local_aws import paths

from . import building

OURS = "**s3-link-signer**"
HELLO_WORLD = "hello world, lambda_runtime"
RUSTY_S3 = "lambda_runtime and rusty-s3"
AWS_SIGV4 = "lambda_runtime and aws-sigv4"
BOTO3 = "Python, awslambdaric and boto3"

# Rust functions that differ from ours in the crate that signs.
PEERS = (RUSTY_S3, AWS_SIGV4)

PYTHON_SOURCES = paths.ROOT / "bench" / "python"


@dataclass(frozen=True)
class Variant:
    """A function, the command that starts it, and its environment."""

    name: str
    command: tuple
    environment: dict
    # An interpreter takes a hundred times as long, so it is started and invoked less often.
    slow: bool = False
    makes_links: bool = True


def all_variants():
    """The function first, then every other that can run on this machine."""
    environment = requests.environment()
    python = building.BENCH_TOOLS / "bin" / "python"
    variants = [
        Variant(OURS, (paths.BOOTSTRAP,), {**environment, **requests.OURS}),
        Variant(HELLO_WORLD, (building.program("hello-world"),), environment, makes_links=False),
        Variant(RUSTY_S3, (building.program("with-rusty-s3"),), environment),
        Variant(AWS_SIGV4, (building.program("with-aws-sigv4"),), environment),
        Variant("lambda_runtime and aws-sdk-s3, defaults", (building.program("sdk-defaults"),), environment),
        Variant(
            BOTO3,
            (python, "-m", "awslambdaric", "handler.handle"),
            {**environment, "PYTHONPATH": str(PYTHON_SOURCES), "LAMBDA_TASK_ROOT": str(PYTHON_SOURCES)},
            slow=True,
        ),
    ]
    node = building.node()
    if node:
        # Without this setting the SDK prints a warning about the end of support for this version of node.
        quiet = {**environment, "AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED": "true"}
        variants.append(Variant("Node, SDK v3, bundled", (node, building.NODE_BUNDLE), quiet, slow=True))
    return variants
