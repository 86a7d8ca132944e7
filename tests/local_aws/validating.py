"""Runs `sam validate --lint` on template.yaml, apart from the user's SAM and AWS settings."""

import subprocess
import sys

from . import building, places, surroundings

if __name__ == "__main__":
    surroundings.isolate()
    command = ["sam", "validate", "--lint", "--template-file", places.TEMPLATE, "--config-file", building.no_sam_config()]
    sys.exit(subprocess.run(command, env=surroundings.with_tools(), check=False).returncode)
