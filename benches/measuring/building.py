"""Builds what is measured: the function as a user builds it, the others into target/.

Rust goes through cargo-lambda in the way `sam build` calls it, so that all have the same profile and the same
flags, but for one: our profile builds for size what our links don't go through, the SDK's signing among it. What
goes through that is built for speed throughout, as it is where nobody says otherwise. Nothing is installed
outside of the checkout.
"""

import io
import os
import shutil
import zipfile

from bare_lambda.building import HELLO_WORLD, build_package
from local_aws import building, commands
from local_aws import isolation as surroundings
from local_aws import paths as places

TARGET = places.TARGET / "benches"
BENCH_TOOLS = places.ROOT / ".venv-bench"
NODE_SOURCES = places.ROOT / "benches" / "node"
NODE_BUNDLE = TARGET / "node" / "bundle.cjs"
SDK_DEFAULTS = places.TARGET / "lambda" / "sdk-defaults" / "bootstrap"
DEFAULT_CLIENT = places.TARGET / "lambda" / "default-client" / "bootstrap"
FOR_SPEED = ("--config", 'profile.release.package."*".opt-level=3')
SIGNER = places.TARGET / "lambda" / "signer" / "bootstrap"


def build_all(say):
    """Build everything; minutes at first, seconds when nothing has changed. `say` is told what is being done."""
    surroundings.isolate()
    say("building the function")
    building.build()
    for package, options in (("hello-world", ()), ("sdk-defaults", FOR_SPEED)):
        say(f"building {package}")
        build_package(package, options)
    if node():
        say("bundling for node")
        bundle_for_node()
    else:
        say("there is no node with npm here, so that one is left out")


def node():
    """Where node is, if it is here with npm."""
    return shutil.which("node") if shutil.which("npm") else None


def bundle_for_node():
    """Install exactly what package-lock.json names, and make one file of it."""
    directory = NODE_BUNDLE.parent
    directory.mkdir(parents=True, exist_ok=True)
    for source in NODE_SOURCES.iterdir():
        shutil.copy2(source, directory)
    environment = {**os.environ, "npm_config_cache": str(TARGET / "npm-cache")}
    for command, failure in (
        # esbuild's program comes as a package; its script would only look for it.
        ("npm ci --ignore-scripts --no-audit --no-fund", "npm could not install what package-lock.json names"),
        (
            "node_modules/.bin/esbuild runtime.mjs --bundle --minify --platform=node --format=cjs --target=node20 "
            f"--outfile={NODE_BUNDLE.name}",
            "esbuild made no bundle",
        ),
    ):
        commands.run(command.split(), log=TARGET / "node.log", env=environment, cwd=directory, failure=failure)


def zipped(program):
    """The size of a program packed as `sam deploy` packs it, in bytes."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(program, "bootstrap")
    return len(packed.getvalue())
