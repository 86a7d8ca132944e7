"""Fixtures for what only the build that is deployed shows: a stack that SAM deployed, as a user's."""

import pytest
from local_aws import building, commands, deploying, emulator, isolation, paths


@pytest.fixture(scope="session", autouse=True)
def is_release(isolated):
    """These tests say nothing about a development build."""
    assert paths.IS_RELEASE, "run these tests with `make check-release`"


@pytest.fixture(scope="session")
def aws(built):
    with emulator.LocalAws("test-release") as running:
        yield running


@pytest.fixture(scope="session")
def stack(aws):
    """What `sam build` built, deployed with `sam deploy`."""
    aws.client("s3").create_bucket(Bucket=deploying.ARTIFACTS)
    commands.run(
        [
            "sam", "deploy",
            "--template-file", paths.SAM_BUILD / "template.yaml",
            "--config-file", building.no_sam_config(),
            "--stack-name", "deployed-by-sam",
            "--s3-bucket", deploying.ARTIFACTS,
            "--region", isolation.REGION,
            "--capabilities", "CAPABILITY_IAM",
            "--no-confirm-changeset",
            "--no-progressbar",
            "--parameter-overrides", f"Architecture={building.architecture()} ShareLinks=yes",
        ],
        log=aws.directory / "sam-deploy.log",
        env=isolation.with_tools(**aws.keys()),
        cwd=paths.ROOT,
        failure="template.yaml did not deploy",
    )
    return deploying.deployment(aws, "deployed-by-sam")
