"""`make run` and `make demo`: shows the function on the local AWS, from the build to a downloaded file.

    python -m local_aws.demo          show it and exit; the exit status is not 0 if a step failed
    python -m local_aws.demo --stay   show it, then keep the local AWS running until Ctrl-C

The demo proves nothing that the tests don't prove. It is there to be looked at.
"""

import argparse
import json
import shlex
import signal
import subprocess
import sys
import textwrap
import time
from xml.etree import ElementTree

from . import (
    api_client,
    building,
    commands,
    custom_domain,
    deploying,
    doctor_demo,
    emulator,
    existing,
    isolation,
    mail_demo,
    paths,
    promise,
    share_demo,
)

BUCKET = "files-from-before"
KEY = "private-files/Résumé 2026.txt"
NEW_KEY = "private-files/New in 2026.txt"
CONTENT = "Only a link opens this file.\n".encode()


class Steps:
    """Prints the steps of the demo, each with the seconds since the start."""

    def __init__(self):
        self._start = time.monotonic()

    def print(self, line):
        print(f"{time.monotonic() - self._start:7.1f} s  {line}", flush=True)


def show(aws, domain, steps, stack="s3-link-signer"):
    """Run the demo once. Returns the deployment, a caller with permission to call its API, and the address of a share."""
    existing.create_bucket(aws, BUCKET)
    aws.client("s3").put_object(Bucket=BUCKET, Key=KEY, Body=CONTENT, ContentType="text/plain")
    steps.print(f"a bucket with a private file is there before the stack: s3://{BUCKET}/{KEY}")

    settings = existing.settings(aws, BUCKET)
    mail_demo.verify_sender(aws)
    deployment = deploying.deploy(aws, stack, ExistingBucketName=BUCKET, **mail_demo.PARAMETERS, **share_demo.PARAMETERS)
    domain.lead_to(aws, deployment)
    steps.print(f"deployed template.yaml with ExistingBucketName={BUCKET}: {deployment.api_url}")
    if existing.settings(aws, BUCKET) != settings:
        raise commands.Failure(f"the stack changed the bucket that was there before: {existing.settings(aws, BUCKET)}")
    steps.print(f"the bucket's {len(settings)} settings are as they were: {', '.join(settings)}")

    refusal = request_without_link(aws, deployment)
    steps.print(f"S3 refuses a GET without a link, as it should: {refusal}")

    caller = api_client.create_caller(aws, deployment, "demo-user")
    response = caller.request("POST", f"{deployment.api_url}/links", {"key": KEY})
    if response.status != 200:
        raise commands.Failure(f"the API answered {response.status} instead of a link: {response.body.decode()}")
    link = response.json()
    steps.print("asked the deployed API for a link. It answered:")
    print(f"\n{json.dumps(link, indent=2, ensure_ascii=False)}\n", flush=True)

    download(link["url"], aws.directory)
    steps.print(f"downloaded all {len(CONTENT)} bytes of the file through the link, with curl")
    print(f"\nIn plain words: {promise.describe(link)}\n", flush=True)

    aws.client("s3").put_object(Bucket=deployment.bucket, Key=NEW_KEY, Body=CONTENT, ContentType="text/plain")
    mail = mail_demo.wait_for_mail(aws, f"{domain.url}/s/")
    steps.print("uploaded a new file. EventBridge announced it, and the mail in the local AWS's inbox says:")
    print(f"\n{mail_demo.as_plain_text(mail)}\n", flush=True)
    file = press(mail.link, aws.directory / "downloaded-by-mail")
    steps.print(f"pressed the button of the share in the mail: curl saved {file.name!r}\n")

    share = share_demo.make(deployment, caller, KEY)
    steps.print(f"made a share of the first file, which works until {share['expires_at']}: {share['url']}. Its page says:")
    print(f"\n{textwrap.indent(share_demo.read_page(share['url']), '    ')}\n", flush=True)
    file = press(share["url"], aws.directory / "downloaded-by-share")
    counted = share_demo.downloads(deployment, caller, share)
    steps.print(f"pressed its button with `curl -fLOJ`, which saved {file.name!r}. Its owner is told of {counted} download\n")

    aws.client("s3").put_object(Bucket=deployment.bucket, Key=doctor_demo.GUARDED_KEY, Body=CONTENT)
    arn = aws.client("iam").get_user(UserName=caller.name)["User"]["Arn"]
    with doctor_demo.guardrail(aws, deployment):
        steps.print("asked the doctor about that file, about one under a guardrail, and about a missing one. It says:")
        for key in (KEY, doctor_demo.GUARDED_KEY, doctor_demo.MISSING_KEY):
            answer = doctor_demo.ask(aws, deployment, key, principal=arn)
            print(f"\n{textwrap.indent(doctor_demo.as_text(answer), '    ')}", flush=True)
    print(f"\n{textwrap.indent(doctor_demo.ABOUT_TLS, '    ')}\n", flush=True)
    return deployment, caller, share["url"]


def request_without_link(aws, deployment):
    """Request the file without a signature. Returns how S3 refuses it."""
    key = api_client.encode_path(KEY)
    response = api_client.send("GET", f"{aws.url}/{deployment.bucket}/{key}")
    if response.status != 403:
        raise commands.Failure(f"S3 answered {response.status} to a GET without a link, so the file is not private")
    return f"{response.status} {ElementTree.fromstring(response.body).findtext('Code')}"


def download(url, directory):
    """Open a link with plain curl, as the person who received it would."""
    file = directory / "downloaded.txt"
    file.unlink(missing_ok=True)
    command = ["curl", "--silent", "--show-error", "--fail", "--noproxy", "*", "--output", str(file), url]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    except FileNotFoundError:
        raise commands.Failure("`curl` was not found on the PATH; the demo opens the link with it") from None
    if done.returncode != 0:
        raise commands.Failure(f"curl could not open the link: {done.stderr.strip()}")
    if file.read_bytes() != CONTENT:
        raise commands.Failure(f"the link did not download the file that was uploaded: see {file}")


def press(address, directory):
    """Press the button of a share with plain curl. Returns the file's path."""
    file = share_demo.press(address, directory)
    if file.read_bytes() != CONTENT:
        raise commands.Failure(f"the share did not download the file that was uploaded: see {file}")
    return file


def curl_line(deployment, caller):
    """A command line that asks the API for a link. curl 7.75 or newer signs the request itself."""
    return " ".join(
        [
            "curl",
            f"--aws-sigv4 aws:amz:{isolation.REGION}:execute-api",
            f"--user {caller.access_key_id}:{caller.secret_access_key}",
            "-H 'content-type: application/json'",
            f"-d {shlex.quote(json.dumps({'key': KEY, 'expires_in': 900}, ensure_ascii=False))}",
            f"{deployment.api_url}/links",
        ]
    )


def main():
    parser = argparse.ArgumentParser(description="Show the link signer on a local AWS.")
    parser.add_argument("--stay", action="store_true", help="keep the local AWS running until Ctrl-C")
    stay = parser.parse_args().stay

    isolation.isolate()
    # `kill` ends the processes that were started, as Ctrl-C does.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    steps = Steps()
    try:
        steps.print("building the function (the first build takes minutes)")
        building.build()
        steps.print(f"built the function: {paths.BOOTSTRAP.stat().st_size / 2**20:.1f} MiB")
        with emulator.LocalAws("run" if stay else "demo") as aws, custom_domain.CustomDomain() as domain:
            steps.print(f"started a local AWS: {aws.url}")
            deployment, caller, address = show(aws, domain, steps)
            if stay:
                print("The local AWS keeps running until Ctrl-C. Ask for links as the IAM user that was created for you:\n")
                print(f"{curl_line(deployment, caller)}\n")
                print("Open the share in a browser on this machine, and press its button:\n")
                print(f"{address}\n", flush=True)
                signal.pause()
    except commands.Failure as failure:
        print(f"\nThe demo failed: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped.", flush=True)
        return 0 if stay else 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
