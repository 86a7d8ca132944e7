"""Runs the steps and prints the report: `python -m smoke STACK`. The exit status is 1 if a step failed."""

import argparse
import os
import shlex
import sys

import boto3
from botocore.exceptions import ClientError

from . import links, mails
from .report import Failed, Report


class Stack:
    """The deployed stack, and the caller's session."""

    def __init__(self, name, token=None):
        self.name = name
        self.token = token
        # boto3 itself reads only AWS_DEFAULT_REGION. The AWS CLI and the documents have AWS_REGION.
        self.session = boto3.Session(region_name=os.environ.get("AWS_REGION") or None)
        if not self.session.region_name:
            sys.exit("No region is set. Set AWS_REGION to the stack's region.")
        self.outputs = {}
        self.parameters = {}

    def client(self, service, region=None):
        return self.session.client(service, region_name=region or None)

    def describe(self):
        [stack] = self.client("cloudformation").describe_stacks(StackName=self.name)["Stacks"]
        self.outputs = {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}
        self.parameters = {each["ParameterKey"]: each["ParameterValue"] for each in stack.get("Parameters", [])}
        return stack["StackStatus"]

    def defaults(self):
        """The defaults of the deployed template's parameters."""
        summary = self.client("cloudformation").get_template_summary(StackName=self.name)
        return {each["ParameterKey"]: each.get("DefaultValue", "") for each in summary["Parameters"]}


def deployed(stack, seen):
    """The step about the stack itself: its status, and whom it lets have links."""
    status = stack.describe()
    seen.append(status)
    if status not in ("CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"):
        raise Failed(f"{status}; read the stack's events, and deploy again")
    seen.append(changed(stack))
    issuer, grants = stack.parameters.get("JwtIssuer"), stack.parameters.get("Grants")
    # A stack that was deployed with an earlier version keeps the star that was the default then.
    if issuer and not grants and "*" in stack.parameters.get("Principals", "").split(","):
        seen.append(
            f"everybody who gets a token from {issuer} gets links: unless you mean that, write into Principals whose "
            "tokens give links, or write Grants"
        )


def changed(stack):
    """Which parameters have other values than the template's defaults, whoever set them and when."""
    try:
        defaults = stack.defaults()
    except ClientError as error:
        return f"you may not read the template's defaults ({error.response['Error']['Code']})"
    others = {name: value for name, value in stack.parameters.items() if value != defaults.get(name)}
    if not others:
        return "every parameter has the template's default"
    written = [f"{name}={shlex.quote(shortened(value))}" for name, value in sorted(others.items())]
    return f"set, and kept until another value is named: {' '.join(written)}"


def shortened(value, longest=60):
    return value if len(value) <= longest else f"{value[:longest]}…"


def main():
    parser = argparse.ArgumentParser(prog="smoke", description="Check a deployed stack with your own credentials.")
    parser.add_argument("stack", help="the stack's name")
    parser.add_argument("--mail-to", help="send one mail to this address, which MailAllowedRecipients must allow")
    arguments = parser.parse_args()
    # A token on the command line would be in the shell's history.
    stack = Stack(arguments.stack, os.environ.get("SMOKE_TOKEN"))
    report = Report()

    with report.step("your credentials") as seen:
        identity = stack.client("sts").get_caller_identity()
        seen.append(f"{identity['Arn']} in {stack.session.region_name}")
    with report.step("the stack is deployed") as seen:
        deployed(stack, seen)
    if not stack.outputs:
        sys.exit(f"{stack.name} has no outputs, so there is nothing more to check.")
    links.check(stack, report)
    mails.check(stack, report, arguments.mail_to)
    if report.failed:
        sys.exit(f"\n{report.failed} steps failed.")
    print("\nAll is well.")


if __name__ == "__main__":
    main()
