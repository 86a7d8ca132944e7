"""The package of a release, made of the release build: its zip, and the stack that `sam deploy` makes in its folder."""

import json
import re
import shutil
import subprocess
import zipfile

import pytest
from local_aws import api_client, building, commands, deploying, isolation, licences, packaging, paths

STACK = "from-the-package"


@pytest.fixture(scope="module")
def archive(built, tmp_path_factory):
    """The archive."""
    made = packaging.package(building.architecture(), paths.BOOTSTRAP, tmp_path_factory.mktemp("package"))
    return made.with_name(f"{made.name}.zip")


@pytest.fixture(scope="module")
def folder(archive, tmp_path_factory):
    """The unpacked archive, outside of the checkout."""
    unpacked = tmp_path_factory.mktemp("unpacked")
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(unpacked)
    return unpacked / archive.stem


def sam(aws, folder, *arguments):
    """Run SAM in the folder, as a user does, and return what it prints to its standard output."""
    done = subprocess.run(
        ["sam", *arguments],
        cwd=folder,
        env=isolation.with_tools(**aws.keys()),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def deployed(aws, folder):
    """The stack that `sam deploy` makes with the example of a samconfig.toml."""
    shutil.copy(folder / "samconfig.example.toml", folder / "samconfig.toml")
    sam(aws, folder, "deploy", "--stack-name", STACK, "--region", isolation.REGION, "--no-confirm-changeset", "--no-progressbar")
    return deploying.deployment(aws, STACK)


def test_the_zip_holds_the_program_which_everybody_may_run_and_nothing_else(folder):
    with zipfile.ZipFile(folder / packaging.CODE) as archive:
        [entry] = archive.infolist()
        assert archive.read(entry) == paths.BOOTSTRAP.read_bytes()
    assert (entry.filename, entry.external_attr >> 16) == ("bootstrap", 0o100755)


def test_the_same_build_makes_the_same_bytes(archive, tmp_path):
    again = packaging.package(building.architecture(), paths.BOOTSTRAP, tmp_path)
    assert again.with_name(archive.name).read_bytes() == archive.read_bytes()


def test_the_package_has_no_path_of_the_machine_that_made_it(folder):
    for file in folder.rglob("*"):
        assert file.is_dir() or str(paths.ROOT).encode() not in file.read_bytes(), file


def test_the_package_has_the_licences_of_all_that_is_compiled_in(folder):
    text = (folder / "LICENSES-OF-DEPENDENCIES.txt").read_text(encoding="utf-8")
    lines = set(text.splitlines())
    linked = {f"{package['name']} {package['version']} ({package['license']})" for package in licences.linked()}
    assert linked <= lines
    assert any(line.startswith("aws-sdk-s3 ") for line in linked) and not any(line.startswith("proptest ") for line in linked)


def test_sam_and_cfn_lint_accept_the_template(folder):
    commands.run(
        ["sam", "validate", "--lint", "--template-file", folder / "template.yaml", "--config-file", building.no_sam_config()],
        log=paths.LOCAL_AWS / "validate-package.log",
        env=isolation.with_tools(),
        cwd=folder,
        failure="the package's template is not valid",
    )


def test_the_deployed_stack_gives_a_link_without_a_compiler(aws, deployed, folder):
    key = "private-files/report.pdf"
    aws.client("s3").put_object(Bucket=deployed.bucket, Key=key, Body=b"packaged")
    printed = sam(
        aws, folder, "remote", "invoke", "LinkSigner", "--stack-name", STACK, "--region", isolation.REGION,
        "--event-file", "events/http-api/post-links.json",
    )
    answer = json.loads(printed)
    assert answer["statusCode"] == 200, printed
    assert api_client.send("GET", json.loads(answer["body"])["url"]).body == b"packaged"


def test_the_package_takes_no_other_processor(folder):
    template = (folder / "template.yaml").read_text(encoding="utf-8")
    [allowed] = re.findall(r"^  Architecture:\n(?:    .*\n)*?    Default: (\S+)\n    AllowedValues: \[(.*)\]$", template, re.MULTILINE)
    assert allowed == (building.architecture(), building.architecture())
