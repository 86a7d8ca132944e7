"""Deploys template.yaml to the local AWS with `sam deploy`, as a user deploys it to a real account."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from . import building, commands, isolation, paths

ARTIFACTS = "artifacts-of-the-local-aws"


@dataclass(frozen=True)
class Deployment:
    """The stack's name and outputs."""

    stack: str
    api_url: str
    bucket: str
    function: str
    role_arn: str
    session_role_arn: str

    @property
    def api_id(self):
        return urlsplit(self.api_url).hostname.split(".")[0]


def deploy(aws, stack="s3-link-signer", **parameters):
    """Deploy what `building.build` has built. `parameters` are the template's."""
    parameters = {"Architecture": building.architecture(), **parameters}
    aws.client("s3").create_bucket(Bucket=ARTIFACTS)
    commands.run(
        [
            "sam", "deploy",
            "--template-file", paths.SAM_BUILD / "template.yaml",
            "--config-file", building.no_sam_config(),
            "--stack-name", stack,
            "--s3-bucket", ARTIFACTS,
            "--region", isolation.REGION,
            "--capabilities", "CAPABILITY_IAM",
            "--no-confirm-changeset",
            "--no-progressbar",
            "--parameter-overrides",
            *[f"ParameterKey={name},ParameterValue='{value}'" for name, value in parameters.items()],
        ],
        log=aws.directory / f"deploy-{stack}.log",
        env=isolation.with_tools(**aws.keys()),
        cwd=paths.ROOT,
        failure="template.yaml did not deploy",
    )
    outputs = stack_outputs(aws, stack)
    return Deployment(
        stack=stack,
        api_url=outputs["ApiUrl"],
        bucket=outputs["FilesBucketName"],
        function=outputs["LinkSignerName"],
        role_arn=outputs["LinkSignerRoleArn"],
        session_role_arn=outputs["LinkSessionRoleArn"],
    )


def stack_outputs(aws, stack):
    """The outputs of a stack, by their keys."""
    described = aws.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
    return {output["OutputKey"]: output["OutputValue"] for output in described["Outputs"]}
