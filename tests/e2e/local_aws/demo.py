"""`make run` and `make demo`: shows the function at work on the local AWS, from build to downloaded file.

    python -m local_aws.demo          show it, exit 0; or non-zero with the reason
    python -m local_aws.demo --stay   show it, then stay up to be played with until Ctrl-C

Proves nothing that the tests don't; it is for looking.
"""

import argparse
import json
import shlex
import signal
import subprocess
import sys
import time
from xml.etree import ElementTree

from . import building, api_client, commands, deploying, emulator, mail_demo, paths, promise, isolation

KEY = "private-files/Résumé 2026.txt"
CONTENT = "Nobody reads this without a link.\n".encode()


class Steps:
    """Prints what is done, each line with the seconds since the start."""

    def __init__(self):
        self._start = time.monotonic()

    def say(self, line):
        print(f"{time.monotonic() - self._start:7.1f} s  {line}", flush=True)


def show(aws, steps, stack="s3-link-signer"):
    """The whole story, once. Returns what is needed to play on."""
    mail_demo.verify_sender(aws)
    deployment = deploying.deploy(aws, stack, **mail_demo.PARAMETERS)
    steps.say(f"template.yaml deployed: {deployment.api_url}")

    aws.client("s3").put_object(Bucket=deployment.bucket, Key=KEY, Body=CONTENT, ContentType="text/plain")
    steps.say(f"a private file put: s3://{deployment.bucket}/{KEY}")

    refusal = without_a_link(aws, deployment)
    steps.say(f"GET without a link: {refusal}, as it should be")

    caller = api_client.create_caller(aws, deployment, "demo-user")
    response = caller.request("POST", f"{deployment.api_url}/links", {"key": KEY})
    if response.status != 200:
        raise commands.Failure(f"the API answered {response.status} instead of a link: {response.body.decode()}")
    link = response.json()
    steps.say("the deployed API asked for a link, which answers:")
    print(f"\n{json.dumps(link, indent=2, ensure_ascii=False)}\n", flush=True)

    download(link["url"], aws.directory)
    steps.say(f"downloaded through the link with curl: all {len(CONTENT)} bytes of it")
    print(f"\nIn plain words: {promise.describe(link)}\n", flush=True)

    mail = mail_demo.arrived(aws)
    steps.say("the same file was mailed when it landed; the mail, as it arrived in the local AWS's inbox:")
    print(f"\n{mail_demo.as_read(mail)}\n", flush=True)
    download(mail.link, aws.directory)
    steps.say("downloaded through the link taken out of that mail\n")
    return deployment, caller


def without_a_link(aws, deployment):
    """Try the file's address without a signature; say how it is refused."""
    key = api_client.encode_path(KEY)
    response = api_client.send("GET", f"{aws.url}/{deployment.bucket}/{key}")
    if response.status != 403:
        raise commands.Failure(f"the private file answered {response.status} to a GET without a link; it is not private")
    return f"{response.status} {ElementTree.fromstring(response.body).findtext('Code')}"


def download(url, directory):
    """Open the link with plain curl, as anyone would who has it."""
    file = directory / "downloaded.txt"
    file.unlink(missing_ok=True)
    command = ["curl", "--silent", "--show-error", "--fail", "--noproxy", "*", "--output", str(file), url]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    except FileNotFoundError:
        raise commands.Failure("there is no `curl` on the path to open the link with") from None
    if done.returncode != 0:
        raise commands.Failure(f"curl could not open the link: {done.stderr.strip()}")
    if file.read_bytes() != CONTENT:
        raise commands.Failure(f"what came through the link is not the file that was put: see {file}")


def curl_line(deployment, caller):
    """A line for the terminal that asks the API for a link, signed by curl itself (7.75 or newer)."""
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
    parser.add_argument("--stay", action="store_true", help="stay up until Ctrl-C")
    stay = parser.parse_args().stay

    isolation.isolate()
    # A plain `kill` ends what was started, as Ctrl-C does.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    steps = Steps()
    try:
        steps.say("building the function (the first time takes minutes)")
        building.build()
        steps.say(f"built: {paths.BOOTSTRAP.stat().st_size / 2**20:.1f} MiB")
        with emulator.LocalAws("run" if stay else "demo") as aws:
            steps.say(f"a local AWS started: {aws.url}")
            deployment, caller = show(aws, steps)
            if stay:
                print("It stays up until Ctrl-C. To play with it, ask for links as the IAM user that was made for you:\n")
                print(f"{curl_line(deployment, caller)}\n", flush=True)
                signal.pause()
    except commands.Failure as failure:
        print(f"\nIt did not work: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped.", flush=True)
        return 0 if stay else 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
