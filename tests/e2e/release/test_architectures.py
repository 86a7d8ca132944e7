"""`sam build` compiles for the processor that it is told, whatever machine it runs on.

cargo-lambda asks rustc for the machine's processor. A rustc in front of the real one names another, and a cargo in front
of the real one writes down for what it is told to build, and builds nothing.
"""

import os
import shutil
import stat
import subprocess

import pytest
from local_aws import building, isolation, paths

RUSTC = """#!/bin/sh
{rustc} "$@" | sed 's/^host: .*/host: {host}/'
"""

CARGO = """#!/bin/sh
case "$1" in
    lambda) exec cargo-lambda "$@" ;;
    build) ;;
    *) exec {cargo} "$@" ;;
esac
while [ $# -gt 0 ]; do
    if [ "$1" = --target ]; then
        echo "$2" >> {built}
        mkdir -p "$CARGO_TARGET_DIR/$2/release"
        echo built > "$CARGO_TARGET_DIR/$2/release/s3-link-signer"
    fi
    shift
done
"""


def write_program(path, text):
    path.write_text(text, encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def built_for(tmp_path, host, *options):
    """The targets that `sam build` compiles for, on a machine with the processor `host`."""
    programs, built = tmp_path / "programs", tmp_path / "built"
    programs.mkdir()
    write_program(programs / "rustc", RUSTC.format(rustc=shutil.which("rustc"), host=building.TRIPLES[host]))
    write_program(programs / "cargo", CARGO.format(cargo=shutil.which("cargo"), built=built))
    environment = isolation.with_tools(CARGO_LAMBDA_COMPILER="cargo", CARGO_TARGET_DIR=str(tmp_path / "target"))
    environment["PATH"] = f"{programs}{os.pathsep}{environment['PATH']}"
    subprocess.run(
        [
            "sam", "build",
            "--template-file", paths.TEMPLATE,
            "--build-dir", tmp_path / "build",
            *options,
        ],
        env=environment,
        cwd=paths.ROOT,
        check=True,
        capture_output=True,
    )
    return set(built.read_text(encoding="utf-8").split())


@pytest.mark.parametrize("host", building.TRIPLES)
@pytest.mark.parametrize("asked_for", [None, *building.TRIPLES])
def test_the_architecture_parameter_decides(isolated, tmp_path, host, asked_for):
    overrides = ["--parameter-overrides", f"Architecture={asked_for}"] if asked_for else []
    built = built_for(tmp_path, host, "--config-file", building.no_sam_config(), *overrides)
    assert built == {building.TRIPLES[asked_for or "x86_64"]}


@pytest.mark.parametrize("written", building.TRIPLES)
def test_the_example_of_a_samconfig_is_read_by_the_build_too(isolated, tmp_path, written):
    example = (paths.ROOT / "samconfig.example.toml").read_text(encoding="utf-8")
    config = tmp_path / "samconfig.toml"
    config.write_text(example.replace("Architecture=x86_64", f"Architecture={written}"), encoding="utf-8")
    assert built_for(tmp_path, "x86_64", "--config-file", config) == {building.TRIPLES[written]}
