"""The environment variables of every process that the tests and the demo start.

They exclude the user's AWS settings: profiles, the credentials file and the metadata service. No process started
from here can reach a real account, even if a test has a mistake.
"""

import os

from . import paths

REGION = "us-east-1"

NO_ACCOUNT = {
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_REGION": REGION,
    "AWS_DEFAULT_REGION": REGION,
    # Otherwise a configured proxy would also get the requests for 127.0.0.1.
    "NO_PROXY": "127.0.0.1,localhost,.localhost",
    "no_proxy": "127.0.0.1,localhost,.localhost",
}

SAM = {
    "SAM_CLI_TELEMETRY": "0",
    # By default SAM asks every five seconds whether a deployment is done. On the local AWS it takes less than one.
    "SAM_CLI_POLL_DELAY": "0.5",
    # SAM stores an installation id there, by default in the user's home directory.
    "__SAM_CLI_APP_DIR": str(paths.TARGET / "sam" / "settings"),
}


def isolate():
    """Remove the user's AWS settings from the environment of this process and of its future children."""
    for name in list(os.environ):
        if name.startswith("AWS_"):
            del os.environ[name]
    os.environ.update(NO_ACCOUNT)


def with_tools(**more):
    """The environment for a command line tool: this process's, with the pinned tools first on the PATH."""
    path = f"{paths.TOOLS / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    return {**os.environ, **SAM, "PATH": path, **more}


def clean_environment(**more):
    """The environment for the local AWS and for the function. No variable of the user is in it."""
    return {**NO_ACCOUNT, "PATH": os.defpath, "LANG": "C.UTF-8", **more}
