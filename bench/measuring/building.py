"""Builds what is measured: the function with `sam build`, as a user does, and the other programs beside it.

cargo-lambda builds every Rust program with the arguments that `sam build` gives it, so all have the same profile
and the same flags. Everything is written below target/ and .venv-bench.
"""

import io
import os
import shutil
import zipfile

from local_aws import building, commands, isolation, paths

TARGET = paths.TARGET / "bench"
BENCH_TOOLS = paths.ROOT / ".venv-bench"
NODE_SOURCES = paths.ROOT / "bench" / "node"
NODE_BUNDLE = TARGET / "node" / "bundle.cjs"

# Packages of the Cargo workspace in bench/.
PACKAGES = ("hello-world", "peers", "sdk-defaults")

CARGO_LAMBDA_FLAGS = {"x86_64": "--x86-64", "arm64": "--arm64"}


def program(name):
    """Where cargo-lambda puts the program of a name."""
    return paths.TARGET / "lambda" / name / "bootstrap"


def build_all(show_progress):
    """Build everything. It takes minutes at first, and seconds when nothing has changed."""
    isolation.isolate()
    show_progress("building the function")
    building.build()
    for package in PACKAGES:
        show_progress(f"building {package}")
        build_package(package)
    if node():
        show_progress("bundling for node")
        bundle_for_node()
    else:
        show_progress("node with npm is not installed, so it is not measured")


def build_package(package):
    """Build the programs of one package of the Cargo workspace with cargo-lambda.

    `sam build` calls cargo-lambda with the same arguments, so the profile and the flags are the function's.
    """
    # Each package has a build of its own. Packages in one build would share the features of their dependencies.
    commands.run(
        [
            "cargo-lambda", "lambda", "build", "--release", "--locked",
            CARGO_LAMBDA_FLAGS[building.architecture()],
            "--package", package,
        ],
        log=TARGET / f"{package}.log",
        env=isolation.with_tools(CARGO_LAMBDA_COMPILER="cargo", CARGO_TARGET_DIR=str(paths.TARGET)),
        cwd=paths.ROOT,
        failure=f"{package} did not build",
    )


def node():
    """The path of node. None where node or npm is missing."""
    return shutil.which("node") if shutil.which("npm") else None


def bundle_for_node():
    """Install the packages of package-lock.json, and bundle them with the handler into one file."""
    directory = NODE_BUNDLE.parent
    directory.mkdir(parents=True, exist_ok=True)
    for source in NODE_SOURCES.iterdir():
        shutil.copy2(source, directory)
    environment = {**os.environ, "npm_config_cache": str(TARGET / "npm-cache")}
    for command, failure in (
        # esbuild's install script only looks for the program, which has a package of its own.
        ("npm ci --ignore-scripts --no-audit --no-fund", "npm could not install the packages of package-lock.json"),
        (
            "node_modules/.bin/esbuild runtime.mjs --bundle --minify --platform=node --format=cjs --target=node20 "
            f"--outfile={NODE_BUNDLE.name}",
            "esbuild made no bundle",
        ),
    ):
        commands.run(command.split(), log=TARGET / "node.log", env=environment, cwd=directory, failure=failure)


def zip_size(path):
    """The bytes of a program in a zip, compressed as `sam deploy` compresses it."""
    compressed = io.BytesIO()
    with zipfile.ZipFile(compressed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(path, "bootstrap")
    return len(compressed.getvalue())
