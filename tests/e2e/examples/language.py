"""A folder of examples/: what its README says to type, and its packages, installed into target/ as the README says."""

import os
import re
import shlex
import shutil
import subprocess
import sys

from browser import npm
from local_aws import commands, isolation, paths

# The README itself says to set it.
REGION = {"AWS_REGION", "AWS_DEFAULT_REGION"}
SOURCES = {".html", ".js", ".json", ".mjs", ".py", ".txt"}


class Language:
    """The examples in one language. Who inherits it says in which file their packages are pinned."""

    name: str
    pins: str
    # The heading of the README under which it says how to install.
    heading = "With IAM"

    def __init__(self):
        self.source = paths.ROOT / "examples" / self.name
        self.readme = (self.source / "README.md").read_text(encoding="utf-8")
        self.installed = paths.TARGET / "examples" / self.name

    def documented(self, heading):
        """What the README says to type under a heading: how to install, which variables to set, and what to run."""
        [block] = re.findall(rf"^## {heading}$.*?^```sh\n(.*?)^```$", self.readme, re.MULTILINE | re.DOTALL)
        *before, program = block.splitlines()
        exports = [line for line in before if line.startswith("export ")]
        variables = {word.split("=")[0] for line in exports for word in shlex.split(line, comments=True)[1:]}
        return [line for line in before if line not in exports], variables, shlex.split(program)

    def install(self):
        """Install the packages, if these are not installed yet.

        Raises npm.Unavailable if this machine can't have them.
        """
        [command], _, _ = self.documented(self.heading)
        needed = self.needed()
        pinned = (self.source / self.pins).read_text(encoding="utf-8")
        with npm.installing(self.installed, f"{command}\n{sys.version}\n{pinned}") as missing:
            if missing:
                self.prepare(needed)
                self.copy_to(self.installed)
                self.fetch(command)

    def needed(self):
        """The programs that the README takes for granted, by their names."""
        return {}

    def prepare(self, needed):
        """Make the folder `bin`, which comes first on the PATH."""
        (self.installed / "bin").mkdir()
        for name, program in needed.items():
            (self.installed / "bin" / name).symlink_to(program)

    def copy_to(self, folder):
        """Copy the example, without what a user may have installed beside it."""
        for file in self.source.iterdir():
            if file.suffix in SOURCES:
                shutil.copy2(file, folder)

    def fetch(self, command):
        """Run the README's command, which fetches the packages and runs nothing of them."""
        try:
            commands.run(
                shlex.split(command),
                log=self.installed.with_suffix(".log"),
                env={
                    **os.environ,
                    "PATH": os.pathsep.join([str(self.installed / "bin"), str(paths.TOOLS / "bin"), os.environ["PATH"]]),
                    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
                    "PIP_NO_COMPILE": "1",
                    "PIP_ONLY_BINARY": ":all:",
                    # Where the tests' pip installs to. A pip of the environment's own would take six seconds more.
                    "PIP_PYTHON": str(self.installed / "bin" / "python"),
                    "npm_config_audit": "false",
                    "npm_config_cache": str(self.installed / "npm-cache"),
                    "npm_config_ignore_scripts": "true",
                    "npm_config_logs_max": "0",
                    "npm_config_update_notifier": "false",
                },
                cwd=self.installed,
                failure=f"`{command}` did not install the packages of examples/{self.name}",
            )
        except commands.Failure as failure:
            raise npm.Unavailable(str(failure)) from None
        shutil.rmtree(self.installed / "npm-cache", ignore_errors=True)

    def place(self, folder):
        """Put the example into a folder, as a user has it after the installation."""
        self.copy_to(folder)

    def run(self, words, folder, variables):
        """Run a program of the example in a folder. Of the environment it has only these variables."""
        environment = {name: value for name, value in isolation.clean_environment().items() if name not in REGION}
        environment["PATH"] = f"{self.installed / 'bin'}{os.pathsep}{os.defpath}"
        return subprocess.run(
            words,
            cwd=folder,
            env={**environment, "HOME": str(folder), **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            check=False,
            timeout=60,
        )


class Python(Language):
    """The examples in Python, with a virtual environment."""

    name = "python"
    pins = "requirements.txt"

    def prepare(self, needed):
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", self.installed], check=True, timeout=60)


class Node(Language):
    """The examples for Node.js, with the Node.js that make installs for the tests of the browser."""

    name = "node"
    pins = "package-lock.json"

    def needed(self):
        node = npm.node()
        return {"node": node, "npm": node.parent.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"}

    def place(self, folder):
        super().place(folder)
        (folder / "node_modules").symlink_to(self.installed / "node_modules")


class Uppy(Node):
    """The pages that upload. Browsers get the one with uppy bundled."""

    name = "upload"
    heading = "With uppy"

    def install(self):
        super().install()
        # The pages may have changed since the packages were installed.
        self.copy_to(self.installed)
        _, _, build = self.documented(self.heading)
        done = self.run(build, self.installed, {"npm_config_logs_max": "0", "npm_config_update_notifier": "false"})
        assert done.returncode == 0, done.stderr
