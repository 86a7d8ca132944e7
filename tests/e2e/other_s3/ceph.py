"""Fetches Ceph into target/ and runs it there: a monitor, a store in memory, and radosgw with an STS.

It installs nothing on the system. apt fetches Debian's packages and checks their signatures. All processes listen on
127.0.0.1 only and end with the block that started them.
"""

import contextlib
import fcntl
import json
import os
import shutil
import socket
import subprocess
import time
import uuid

from local_aws import commands, emulator, paths

PACKAGES = ("ceph-mon", "ceph-osd", "radosgw", "ceph-common")
FOLDER = paths.TARGET / "ceph"
# Written last.
INSTALLED = FOLDER / "installed"
ROOT = FOLDER / "root"
LIBRARIES = ROOT / "usr" / "lib" / "x86_64-linux-gnu"
PROGRAMS = ROOT / "usr" / "bin"
# Ceph's own command line is written in Python, for Debian's.
PYTHON = "/usr/bin/python3"
LOG = paths.TARGET / f"radosgw{paths.WORKER}"

ROLE = "Links"
ROLE_ARN = f"arn:aws:iam:::role/{ROLE}"
UPLOAD_ROLE = "Uploads"
UPLOAD_ROLE_ARN = f"arn:aws:iam:::role/{UPLOAD_ROLE}"
UPLOADS = ["s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"]
OWNER = ("AKOWNER0000000000001", "secret-of-the-owner-of-all-files-0000001")
SIGNER = ("AKSIGNER000000000001", "secret-of-who-may-assume-the-role-000001")


class Unavailable(Exception):
    """Ceph can't run on this machine. The reason is a sentence for the user."""


def install():
    """Fetch and unpack Ceph, if that was not done yet. Raises Unavailable if this machine can't have it."""
    missing = [tool for tool in ("apt-get", "dpkg-deb", PYTHON) if shutil.which(tool) is None]
    if missing or os.geteuid() != 0 or os.uname().machine != "x86_64":
        reason = f"`{missing[0]}` was not found" if missing else "only root can fetch it, and for x86_64"
        raise Unavailable(f"Ceph's radosgw can't be started: {reason}")
    FOLDER.mkdir(parents=True, exist_ok=True)
    with open(FOLDER.with_suffix(".lock"), "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if INSTALLED.exists():
            return
        archives = FOLDER / "archives"
        (archives / "partial").mkdir(parents=True, exist_ok=True)
        apt_get = ["apt-get", "install", "-y", "--no-install-recommends", "--download-only"]
        private = ["-o", f"Dir::Cache::archives={archives}", "-o", "APT::Sandbox::User=root"]
        failure = f"apt-get did not fetch {', '.join(PACKAGES)}: run `apt-get update` first"
        try:
            log = FOLDER.with_suffix(".log")
            commands.run([*apt_get, *private, *PACKAGES], log=log, env=os.environ, cwd=FOLDER, failure=failure)
        except commands.Failure as reason:
            raise Unavailable(str(reason)) from None
        for package in sorted(archives.glob("*.deb")):
            subprocess.run(["dpkg-deb", "--extract", package, ROOT], check=True)
        shutil.rmtree(archives)
        INSTALLED.write_text("", encoding="utf-8")


class Ceph:
    """Ceph, until the end of the `with` block."""

    def __init__(self):
        self.port = emulator.free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._state = LOG / "state"
        self._environment = {
            "PATH": os.defpath,
            "LD_LIBRARY_PATH": f"{LIBRARIES}:{ROOT / 'lib' / 'x86_64-linux-gnu'}:{LIBRARIES / 'ceph'}",
            "PYTHONPATH": str(ROOT / "usr" / "lib" / "python3" / "dist-packages"),
        }

    def __enter__(self):
        shutil.rmtree(LOG, ignore_errors=True)
        for folder in ("mon", "osd", "rgw", "run", "log"):
            (self._state / folder).mkdir(parents=True)
        with contextlib.ExitStack() as stack:
            self._start(stack)
            self._processes = stack.pop_all()
        return self

    def __exit__(self, *_):
        self._processes.close()

    def _start(self, stack):
        address = f"v2:127.0.0.1:{emulator.free_port()}/0"
        cluster = str(uuid.uuid4())
        self._configuration = self._state / "ceph.conf"
        self._configuration.write_text(self._settings(cluster, address), encoding="utf-8")
        (self._state / "keyring").touch()
        configured = ["-c", self._configuration]

        monmap = self._state / "monmap"
        create = ["--create", "--clobber", "--fsid", cluster, "--addv", "a", f"[{address}]"]
        self._run("monmaptool", *create, monmap)
        make = ["--mkfs", "--monmap", monmap, "--keyring", self._state / "keyring"]
        self._run("ceph-mon", *configured, "-i", "a", *make)
        self._spawn(stack, "ceph-mon", *configured, "-i", "a", "-f")
        self._run("ceph-osd", *configured, "-i", "0", "--mkfs", "--osd-uuid", str(uuid.uuid4()))
        self._ceph("osd", "new", (self._state / "osd" / "fsid").read_text(encoding="utf-8").strip(), "0")
        self._spawn(stack, "ceph-osd", *configured, "-i", "0", "-f")
        self._wait("the store", lambda: "1 up" in self._ceph("osd", "stat"))
        radosgw = self._spawn(stack, "radosgw", *configured, "-n", "client.rgw", "-f")
        self._wait("radosgw", lambda: self._listens(radosgw))
        for user, (access_key, secret) in (("owner", OWNER), ("signer", SIGNER)):
            keys = [f"--access-key={access_key}", f"--secret={secret}"]
            self._admin("user", "create", f"--uid={user}", f"--display-name={user}", *keys)
        trusts = {"Effect": "Allow", "Principal": {"AWS": ["arn:aws:iam:::user/signer"]}, "Action": ["sts:AssumeRole"]}
        reads = {"Effect": "Allow", "Action": ["s3:GetObject", "s3:ListBucket"], "Resource": ["arn:aws:s3:::*"]}
        writes = {"Effect": "Allow", "Action": [*UPLOADS, "s3:PutObjectAcl"], "Resource": ["arn:aws:s3:::*"]}
        for role, allows in ((ROLE, reads), (UPLOAD_ROLE, writes)):
            named = f"--role-name={role}"
            self._admin("role", "create", named, "--path=/", f"--assume-role-policy-doc={document(trusts)}")
            self._admin("role-policy", "put", named, "--policy-name=p", f"--policy-doc={document(allows)}")

    def _settings(self, cluster, address):
        first = emulator.free_port()
        state, run = self._state, self._state / "run"
        return f"""
[global]
fsid = {cluster}
mon_initial_members = a
mon_host = {address}
public_addr = 127.0.0.1
auth_cluster_required = none
auth_service_required = none
auth_client_required = none
ms_mon_client_mode = crc
ms_mon_cluster_mode = crc
ms_mon_service_mode = crc
run_dir = {run}
admin_socket = {run}/$cluster-$name.$pid.asok
log_file = {state}/log/$name.log
pid_file = {run}/$name.pid
crash_dir = {run}
keyring = {state}/keyring
osd_class_dir = {LIBRARIES}/rados-classes
erasure_code_dir = {LIBRARIES}/ceph/erasure-code
plugin_dir = {LIBRARIES}/ceph
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 4
osd_pool_default_pgp_num = 4
osd_crush_chooseleaf_type = 0
osd_pool_default_pg_autoscale_mode = off
mon_allow_pool_size_one = true
mon_max_pg_per_osd = 2000
mon_data_avail_warn = 1
mon_data_avail_crit = 0
ms_bind_ipv6 = false
ms_bind_port_min = {first}
ms_bind_port_max = {first + 100}
[mon.a]
mon_data = {state}/mon
mon_addr = {address.removeprefix("v2:").removesuffix("/0")}
[osd.0]
osd_data = {state}/osd
osd_objectstore = memstore
memstore_device_bytes = 1073741824
osd_memory_target = 939524096
[client.rgw]
rgw_data = {state}/rgw
rgw_frontends = beast endpoint=127.0.0.1:{self.port}
rgw_s3_auth_use_sts = true
rgw_sts_key = abcdefghijklmnop
rgw_thread_pool_size = 16
# Names of old, with capitals and underscores.
rgw_relaxed_s3_bucket_names = true
# SSE-C without TLS.
rgw_crypt_require_ssl = false
"""

    def _run(self, program, *words):
        command = [str(word) for word in (PROGRAMS / program, *words)]
        done = subprocess.run(command, env=self._environment, capture_output=True, text=True, timeout=120, check=False)
        if done.returncode != 0:
            raise commands.Failure(f"{program} failed: {done.stderr[-500:]}")
        return done.stdout

    def _admin(self, *words):
        return self._run("radosgw-admin", "-c", self._configuration, "-n", "client.rgw", *words)

    def _ceph(self, *words):
        command = [PYTHON, str(PROGRAMS / "ceph"), "-c", str(self._configuration), *words]
        done = subprocess.run(command, env=self._environment, capture_output=True, text=True, timeout=120, check=False)
        return done.stdout

    def _spawn(self, stack, program, *words):
        log = LOG / f"{program}.log"
        process = commands.start([PROGRAMS / program, *words], log=log, env=self._environment, cwd=LOG)
        stack.callback(commands.end, process)
        return process

    def _listens(self, process):
        if process.poll() is not None:
            raise commands.Failure("radosgw ended", LOG / "radosgw.log")
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            return True
        return False

    @staticmethod
    def _wait(what, is_ready):
        deadline = time.monotonic() + 120
        while not is_ready():
            if time.monotonic() > deadline:
                raise commands.Failure(f"{what} of Ceph did not start")
            time.sleep(0.3)


def document(statement):
    """A policy with one statement, as JSON."""
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
