"""The environment variables that everything started from here sees.

They keep the user's AWS settings out: no profile, no credentials file, no metadata service. Whatever
goes wrong, nothing here can reach a real account.
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
    # A proxy would be asked for 127.0.0.1 too.
    "NO_PROXY": "127.0.0.1,localhost,.localhost",
    "no_proxy": "127.0.0.1,localhost,.localhost",
}

SAM = {
    "SAM_CLI_TELEMETRY": "0",
    # SAM looks every five seconds whether a deployment is done; here it is done in less than one.
    "SAM_CLI_POLL_DELAY": "0.5",
    # It keeps an installation id; under target/ it leaves the user's home alone.
    "__SAM_CLI_APP_DIR": str(paths.TARGET / "sam" / "settings"),
}


def isolate():
    """Cut this process, and so all it will start, off from the user's AWS settings."""
    for name in list(os.environ):
        if name.startswith("AWS_"):
            del os.environ[name]
    os.environ.update(NO_ACCOUNT)


def with_tools(**more):
    """The environment for a command line tool: the user's, with the pinned tools first on the path."""
    path = f"{paths.TOOLS / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    return {**os.environ, **SAM, "PATH": path, **more}


def bare(**more):
    """The environment for the local AWS, which hands it on to the function: nothing of the user's."""
    return {**NO_ACCOUNT, "PATH": os.defpath, "LANG": "C.UTF-8", **more}
