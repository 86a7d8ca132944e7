"""The functions that are measured. Each does the same job under the same environment.

How they differ in what they do is said in their own sources; where one does less than ours, it is the
others that gain by it.
"""

from dataclasses import dataclass

from bare_lambda import requests as asking
from local_aws import paths as places

from . import building

OURS = "**s3-link-signer**"
HELLO_WORLD = "hello world, lambda_runtime"
BOTO3 = "Python, awslambdaric and boto3"

PYTHON_SOURCES = places.ROOT / "benches" / "python"


@dataclass(frozen=True)
class Variant:
    """A function: how it is called in the table, how it is started, and how patient one must be with it."""

    name: str
    command: tuple
    environment: dict
    # An interpreter takes a hundred times as long: it is started and asked less often.
    slow: bool = False
    makes_links: bool = True


def all_variants():
    """Ours first, then everything it is measured against that is there."""
    environment = asking.environment()
    python = building.BENCH_TOOLS / "bin" / "python"
    found = [
        Variant(OURS, (places.BOOTSTRAP,), {**environment, **asking.OURS}),
        Variant(HELLO_WORLD, (building.HELLO_WORLD,), environment, makes_links=False),
        Variant("the same, all by the SDK's defaults", (building.SDK_DEFAULTS,), environment),
        Variant(
            BOTO3,
            (python, "-m", "awslambdaric", "handler.handle"),
            {**environment, "PYTHONPATH": str(PYTHON_SOURCES), "LAMBDA_TASK_ROOT": str(PYTHON_SOURCES)},
            slow=True,
        ),
    ]
    node = building.node()
    if node:
        # Else it prints that a later SDK will want a later node.
        quiet = {**environment, "AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED": "true"}
        found.append(Variant("Node, SDK v3, bundled", (node, building.NODE_BUNDLE), quiet, slow=True))
    return found
