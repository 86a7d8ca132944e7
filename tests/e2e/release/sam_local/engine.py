"""The container engine that `sam local` uses: the one that answers, or else Debian's in namespaces of its own."""

import contextlib
import io
import os
import pathlib
import shutil
import subprocess
import tarfile
import time

from local_aws import building, commands, isolation, paths
from sam_local import debian_docker
from sam_local.debian_docker import Unavailable

# What SAM builds its own image on.
IMAGE = "public.ecr.aws/lambda/provided:al2023-x86_64"

NOT_COPIED = (".git", ".venv*", "target", ".aws-sam", "samconfig.toml", "env.json", "__pycache__")


def answers():
    """Whether a container engine is running on this machine."""
    if shutil.which("docker") is None:
        return False
    return subprocess.run(["docker", "info"], capture_output=True, timeout=30, check=False).returncode == 0


@contextlib.contextmanager
def running():
    """An engine that has Lambda's image, or a stand-in for it. Raises Unavailable if there can't be one."""
    if building.architecture() != "x86_64":
        raise Unavailable("the template's default processor is x86_64, and so is the function in these tests")
    if answers():
        yield FoundEngine()
        return
    debian_docker.install()
    with DebianEngine() as engine:
        yield engine


class FoundEngine:
    """The engine of this machine. SAM pulls Lambda's image into it, as it does for everybody.

    The commands run in a copy of the checkout, because they write to it.
    """

    variables = {}
    checkout = paths.TARGET.resolve() / "sam-local" / "checkout"

    def __init__(self):
        pulled = subprocess.run(["docker", "pull", "--quiet", IMAGE], capture_output=True, text=True, check=False)
        if pulled.returncode != 0:
            raise Unavailable(f"the container engine can't pull {IMAGE}: {pulled.stderr.strip()}")
        shutil.rmtree(self.checkout, ignore_errors=True)
        shutil.copytree(paths.ROOT, self.checkout, ignore=shutil.ignore_patterns(*NOT_COPIED))

    def command(self, words):
        """The command line that runs `words` in the copy of the checkout."""
        return ["env", "-C", self.checkout, *words]


class DebianEngine:
    """Debian's engine, in namespaces of its own. There is no network but the loopback.

    The commands run in the checkout, and what they write there is kept in memory until the end.
    """

    # The namespace has no way to a registry.
    variables = {"SAM_SKIP_PULL_IMAGE": "1"}

    def __init__(self):
        self.log = paths.TARGET / "sam-local" / "engine.log"
        self.control_group = f"s3-link-signer-{os.getpid()}"
        path = os.pathsep.join(map(str, [*debian_docker.PROGRAMS, "/usr/local/sbin", "/usr/local/bin", "/usr/sbin"]))
        self.environment = isolation.clean_environment(PATH=f"{path}{os.pathsep}/usr/bin:/sbin:/bin")

    def __enter__(self):
        self.log.parent.mkdir(parents=True, exist_ok=True)
        namespaces = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
        script = pathlib.Path(__file__).with_name("namespace.sh")
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [*namespaces, "sh", script, debian_docker.FOLDER, paths.ROOT, self.control_group],
                # The script ends when this process does, because then nobody holds the other end of the pipe.
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self.environment,
                start_new_session=True,
            )
        try:
            self.wait_until_it_answers()
            self.import_stand_in()
        except BaseException:
            self.end()
            raise
        return self

    def __exit__(self, *_):
        self.end()

    def end(self):
        self.process.stdin.close()
        try:
            self.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            commands.end(self.process)
        # Containers that were killed leave their control groups, which are empty.
        for group in pathlib.Path("/sys/fs/cgroup").glob(f"**/{self.control_group}"):
            for folder, _, _ in os.walk(group, topdown=False):
                with contextlib.suppress(OSError):
                    os.rmdir(folder)

    def command(self, words):
        """The command line that runs `words` in the engine's namespaces and in their view of the checkout."""
        [child] = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return ["nsenter", "--target", child, "--net", "--mount", "--pid", "--", "env", "-C", paths.ROOT, *words]

    def docker(self, *words, **options):
        command = self.command(["docker", *words])
        return subprocess.run(command, env=self.environment, capture_output=True, check=False, **options)

    def wait_until_it_answers(self):
        deadline = time.monotonic() + 20
        while True:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise Unavailable(str(commands.Failure("Debian's container engine does not start", self.log)))
            with contextlib.suppress(OSError, ValueError):
                if self.docker("info").returncode == 0:
                    return
            time.sleep(0.1)

    def import_stand_in(self):
        """Import an image in the place of Lambda's: a shell, and the libraries that the function is linked to.

        SAM's own image is built on it, and brings the emulator of Lambda.
        """
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as files:
            files.add(debian_docker.BUSYBOX, "bin/sh")
            for tool in ("mv", "chmod"):
                link = tarfile.TarInfo(f"bin/{tool}")
                link.type, link.linkname = tarfile.SYMTYPE, "sh"
                files.addfile(link)
            for library in libraries(paths.BOOTSTRAP):
                files.add(library.resolve(), str(library).lstrip("/"))
            for folder in ("tmp", "var/task"):
                made = tarfile.TarInfo(folder)
                made.type, made.mode = tarfile.DIRTYPE, 0o777
                files.addfile(made)
        imported = self.docker("import", "--change", "WORKDIR /var/task", "-", IMAGE, input=archive.getvalue())
        assert imported.returncode == 0, imported.stderr.decode()


def libraries(program):
    """The paths of the shared libraries that a program is linked to, the loader included."""
    listed = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    return [pathlib.Path(word) for word in listed.split() if word.startswith("/")]
