"""Builds Rust programs that the function is compared with, in the same way as the function itself.

`local_aws.building` builds the function.
"""

from local_aws import building, commands, isolation, paths

# The smallest function that lambda_runtime allows. The start of the function is compared with its start.
HELLO_WORLD = paths.TARGET / "lambda" / "hello-world" / "bootstrap"

CARGO_LAMBDA_FLAGS = {"x86_64": "--x86-64", "arm64": "--arm64"}


def build_package(package, options=()):
    """Build the programs of one package of the Cargo workspace with cargo-lambda.

    `sam build` calls cargo-lambda with the same arguments, so the profile and the flags are the function's.
    `options` are more arguments for cargo.
    """
    # Each package has a build of its own. Packages in one build would share the features of their dependencies.
    commands.run(
        [
            "cargo-lambda", "lambda", "build", "--release", "--locked",
            CARGO_LAMBDA_FLAGS[building.architecture()],
            "--package", package,
            *options,
        ],
        log=paths.TARGET / "bare-lambda" / f"{package}.log",
        env=isolation.with_tools(CARGO_LAMBDA_COMPILER="cargo", CARGO_TARGET_DIR=str(paths.TARGET)),
        cwd=paths.ROOT,
        failure=f"{package} did not build",
    )
