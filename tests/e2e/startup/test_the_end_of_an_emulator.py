"""SAM's emulator ends with the event that it was started for. That is no error, and elsewhere it is one."""

import subprocess

import pytest
from bare_lambda import requests
from bare_lambda.runtime_api import RuntimeApi


@pytest.mark.parametrize(
    ("variables", "message", "status"),
    [({"AWS_SAM_LOCAL": "true"}, b"the emulator ended", 0), ({}, b"the runtime stopped", 1)],
    ids=["sam local", "elsewhere"],
)
def test_the_end_of_the_runtime_api_is_an_error_only_where_nobody_expects_it(function, variables, message, status):
    with RuntimeApi() as api:
        environment = requests.environment(AWS_LAMBDA_RUNTIME_API=api.address, **variables)
        process = subprocess.Popen([str(function)], env=environment, stdout=subprocess.PIPE)
        api.wait_for_next()
        api.invoke(requests.link())
        api.accept()
        api.wait_for_next()
    output, _ = process.communicate(timeout=30)
    assert message in output and process.returncode == status
    assert (b"ERROR" in output) == (status != 0), output
