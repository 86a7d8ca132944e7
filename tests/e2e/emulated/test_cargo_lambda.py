"""The way without containers: the function under the emulator of `cargo lambda watch`, whose deadlines are of 1970.

The emulator runs without the build that `cargo lambda watch` begins with. The function is the one of all other tests.
"""

import json
import socket
import subprocess
import time

import pytest
from bare_lambda import requests
from fake_aws import FakeAws
from local_aws import isolation, paths

# What the emulator calls a function that it did not start.
FUNCTION = "_"
SECONDS = 60


@pytest.fixture
def invoke(built, tmp_path):
    """Invokes the function with an event, as docs/deploy.md says, and returns what is printed."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    address = ["--invoke-address", "127.0.0.1", "--invoke-port", port]
    with FakeAws() as aws:
        aws.put_all_objects(requests.BUCKET, size=1024)
        api = f"http://127.0.0.1:{port}/.rt"
        variables = requests.environment(AWS_LAMBDA_RUNTIME_API=api, AWS_ENDPOINT_URL=aws.url, BUCKET_POLICY="heed")
        emulator = [paths.ROOT / ".venv" / "bin" / "cargo-lambda", "lambda", "watch", "--only-lambda-apis", *address]
        tools = isolation.with_tools()
        with open(tmp_path / "log", "wb") as log:
            watch = subprocess.Popen(emulator, cwd=paths.ROOT, env=tools, stdout=log, stderr=log)
            wait_for(int(port))
            function = subprocess.Popen([str(paths.BOOTSTRAP)], env=variables, stdout=log, stderr=log)

        def invoke(event):
            file = tmp_path / "event.json"
            file.write_bytes(event)
            command = [emulator[0], "lambda", "invoke", FUNCTION, *address, "--data-file", str(file)]
            done = subprocess.run(command, env=tools, capture_output=True, text=True, timeout=SECONDS, check=False)
            assert done.returncode == 0, f"{done.stderr}\n{(tmp_path / 'log').read_text(encoding='utf-8')}"
            return json.loads(done.stdout)

        try:
            yield invoke
        finally:
            for process in (function, watch):
                process.kill()
                process.wait()
    assert "ERROR" not in (tmp_path / "log").read_text(encoding="utf-8")


def wait_for(port):
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError("the emulator does not listen")


def test_links_checks_the_session_and_the_doctor_are_answered(invoke):
    for check in (False, True):
        answer = invoke(requests.event("/links", {**requests.entry(0), "check": check}))
        assert answer["statusCode"] == 200, answer
        assert answer["body"].endswith("}\n")
    doctor = json.loads((paths.ROOT / "events" / "doctor" / "report.json").read_text(encoding="utf-8"))
    assert "verdict" in invoke(json.dumps(doctor).encode())
