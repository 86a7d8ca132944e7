"""What a release says about itself: the template's metadata, and the workflow that publishes it."""

import re

import pytest
import yaml
from local_aws import building, packaging, paths
from local_aws.template_text import parsed

METADATA = parsed()["Metadata"]["AWS::ServerlessRepo::Application"]
WORKFLOWS = sorted((paths.ROOT / ".github" / "workflows").glob("*.yml"))
RELEASE = yaml.safe_load((paths.ROOT / ".github" / "workflows" / "release.yml").read_text(encoding="utf-8"))


def test_the_template_has_the_version_of_the_program():
    assert METADATA["SemanticVersion"] == packaging.version()


@pytest.mark.parametrize(
    ("name", "pattern"),
    {
        # Source: SAM developer guide, "AWS SAM template Metadata section properties".
        "Name": r"[a-zA-Z0-9-]{1,140}",
        "Description": r".{1,256}",
        "Author": r"(?=.{1,127}$)[a-z0-9](([a-z0-9]|-(?!-))*[a-z0-9])?",
        "SpdxLicenseId": r"[A-Za-z0-9.+-]+",
    }.items(),
)
def test_the_serverless_application_repository_accepts_the_metadata(name, pattern):
    assert re.fullmatch(pattern, METADATA[name])
    assert len(METADATA["Labels"]) <= 10
    assert all(re.fullmatch(r"[a-zA-Z0-9+\-_:/@]{1,127}", label) for label in METADATA["Labels"])


def test_the_licence_and_the_readme_are_in_the_checkout_and_in_each_package():
    for name in (METADATA["LicenseUrl"], METADATA["ReadmeUrl"]):
        assert (paths.ROOT / name).is_file() and name in packaging.FILES


@pytest.mark.parametrize("processor", building.TRIPLES)
def test_a_package_s_template_is_the_checkout_s_but_for_the_code_and_the_processor(processor):
    changed = set(packaging.template(processor).splitlines()) - set(paths.TEMPLATE.read_text(encoding="utf-8").splitlines())
    # The default may be the checkout's own.
    assert changed | {f"    Default: {processor}"} == {
        f"      CodeUri: {packaging.CODE}",
        f"    Default: {processor}",
        f"    AllowedValues: [{processor}]",
    }


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_may_read_unless_a_job_says_that_it_writes(path):
    workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert workflow["permissions"] == {"contents": "read"}
    assert {job for job, what in workflow["jobs"].items() if "permissions" in what} <= {"publish"}


def test_the_release_pins_its_actions_by_commit():
    actions = [step["uses"] for job in RELEASE["jobs"].values() for step in job["steps"] if "uses" in step]
    assert actions and all(re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40}", action) for action in actions)


def test_the_job_that_may_write_runs_nothing_of_the_checkout():
    steps = RELEASE["jobs"]["publish"]["steps"]
    assert not any("checkout" in step.get("uses", "") or "make" in step.get("run", "") for step in steps)
