"""Runs `sam validate --lint` on template.yaml, without the user's SAM and AWS settings."""

import subprocess
import sys

from . import building, isolation, paths

if __name__ == "__main__":
    isolation.isolate()
    command = ["sam", "validate", "--lint", "--template-file", paths.TEMPLATE, "--config-file", building.no_sam_config()]
    sys.exit(subprocess.run(command, env=isolation.with_tools(), check=False).returncode)
