"""Deploys template.yaml to the local AWS with a change set, as `sam deploy` does, without SAM's own seconds.

The release's tests do it with `sam deploy` itself.
"""

import io
import time
import uuid
import zipfile
from dataclasses import dataclass
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

from . import building, commands, packaging, paths

ARTIFACTS = "artifacts-of-the-local-aws"


@dataclass(frozen=True)
class Deployment:
    """The stack's name and outputs."""

    stack: str
    api_url: str
    # None if the stack has no shares, or is one of an earlier version's template.
    share_api_url: str | None
    bucket: str
    function: str
    role_arn: str
    session_role_arn: str
    # None if the stack signs no uploads.
    upload_role_arn: str | None

    @property
    def api_id(self):
        return urlsplit(self.api_url).hostname.split(".")[0]


def deploy(aws, stack="s3-link-signer", template=paths.TEMPLATE, **parameters):
    """Deploy what `building.build` has built. `parameters` are the template's.

    Parameters of a deployed stack that are not named keep their values, because `sam deploy` does so.
    """
    cloudformation = aws.client("cloudformation")
    is_new = not exists(cloudformation, stack)
    named = {"Architecture": building.architecture(), **parameters}
    url = upload(aws, template)
    kept = [] if is_new else sorted(parameters_of(cloudformation, stack, url) - named.keys())
    # AWS forgets a change set that was executed. The local AWS does not.
    change_set = {"StackName": stack, "ChangeSetName": f"deployed-{uuid.uuid4()}"}
    try:
        cloudformation.create_change_set(
            **change_set,
            ChangeSetType="CREATE" if is_new else "UPDATE",
            TemplateURL=url,
            Parameters=[
                *({"ParameterKey": name, "ParameterValue": str(value)} for name, value in named.items()),
                *({"ParameterKey": name, "UsePreviousValue": True} for name in kept),
            ],
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        )
    except ClientError as error:
        raise commands.Failure(f"template.yaml did not deploy: {error.response['Error']['Message']}") from None
    made = wait(lambda: cloudformation.describe_change_set(**change_set))
    if made["Status"] == "FAILED":
        raise commands.Failure(f"template.yaml did not deploy: {made.get('StatusReason')}")
    cloudformation.execute_change_set(**change_set)
    done = wait(lambda: described(cloudformation, stack), "StackStatus")
    if done["StackStatus"] not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        raise commands.Failure(f"template.yaml did not deploy: {reasons(cloudformation, stack)}")
    return deployment(aws, stack)


def deployment(aws, stack):
    """A stack that was deployed."""
    outputs = stack_outputs(aws, stack)
    return Deployment(
        stack=stack,
        api_url=outputs["ApiUrl"],
        share_api_url=outputs.get("ShareApiUrl"),
        bucket=outputs["FilesBucketName"],
        function=outputs["LinkSignerName"],
        role_arn=outputs["LinkSignerRoleArn"],
        session_role_arn=outputs["LinkSessionRoleArn"],
        upload_role_arn=outputs.get("LinkUploadRoleArn"),
    )


def upload(aws, template):
    """Upload the function's package and the template that names it. Returns the template's address."""
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=ARTIFACTS)
    package = io.BytesIO()
    # The development build has 60 MB. To compress it would take longer than all that follows.
    with zipfile.ZipFile(package, "w", zipfile.ZIP_DEFLATED if paths.IS_RELEASE else zipfile.ZIP_STORED) as archive:
        archive.write(paths.BOOTSTRAP, "bootstrap")
    s3.put_object(Bucket=ARTIFACTS, Key="package.zip", Body=package.getvalue())
    packaged = packaging.with_code(template.read_text(encoding="utf-8"), f"s3://{ARTIFACTS}/package.zip")
    s3.put_object(Bucket=ARTIFACTS, Key="template.yaml", Body=packaged.encode())
    return f"{aws.url}/{ARTIFACTS}/template.yaml"


def exists(cloudformation, stack):
    """Whether there is such a stack."""
    try:
        return described(cloudformation, stack)["StackStatus"] not in ("REVIEW_IN_PROGRESS", "DELETE_COMPLETE")
    except ClientError:
        return False


def described(cloudformation, stack):
    return cloudformation.describe_stacks(StackName=stack)["Stacks"][0]


def parameters_of(cloudformation, stack, template_url):
    """The names of the parameters that both the stack and the template have."""
    of_stack = {parameter["ParameterKey"] for parameter in described(cloudformation, stack).get("Parameters", [])}
    of_template = cloudformation.get_template_summary(TemplateURL=template_url)["Parameters"]
    return of_stack & {parameter["ParameterKey"] for parameter in of_template}


def wait(ask, field="Status", seconds=60):
    """Ask until the status is not one of those that pass. Returns the last answer."""
    deadline = time.monotonic() + seconds
    while True:
        answer = ask()
        if not answer[field].endswith(("_IN_PROGRESS", "_PENDING")):
            return answer
        if time.monotonic() > deadline:
            raise commands.Failure(f"template.yaml was not deployed within {seconds} seconds: {answer[field]}")
        time.sleep(0.05)


def reasons(cloudformation, stack):
    """Why a stack was not made: what its events say."""
    events = cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
    return "; ".join(event["ResourceStatusReason"] for event in events if event.get("ResourceStatusReason"))


def stack_outputs(aws, stack):
    """The outputs of a stack, by their keys."""
    outputs = described(aws.client("cloudformation"), stack)["Outputs"]
    return {output["OutputKey"]: output["OutputValue"] for output in outputs}
