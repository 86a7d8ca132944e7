"""What the tests rely on: the fake AWS says what is wrong, and never outlives who started it.

Its own tests are in `crates/fake-aws`.
"""

import asyncio
import subprocess
from urllib.parse import urlsplit

import fake_aws
import pytest
from fake_aws import FakeAws, orders
from fake_aws.deciding import Deciding
from local_aws import api_client, commands, paths


def test_a_block_fails_if_aws_would_refuse_what_was_sent(built):
    with pytest.raises(AssertionError, match="PATCH /files/a"), FakeAws() as aws:
        api_client.send("PATCH", f"{aws.url}/files/a")


def test_a_refusing_one_refuses_even_that_and_remembers_it(built):
    with fake_aws.refusing() as aws:
        assert api_client.send("PATCH", f"{aws.url}/files/a").status == 403
        [call] = aws.calls()
        assert (call.operation, call.method, call.target, call.key) == ("Unknown", "PATCH", "/files/a", "a")


def test_an_order_that_makes_no_sense_raises_its_sentence(built):
    with FakeAws() as aws, pytest.raises(orders.WrongOrder, match="a fault has no dealy"):
        aws.always({"dealy": 1})


def test_what_goes_wrong_with_a_decision_is_raised_in_the_end(built, capsys):
    async def decide(call):
        raise KeyError(call.operation)

    async def live(aws):
        deciding = Deciding(aws, decide)
        await deciding.start()
        _, writer = await asyncio.open_connection(*urlsplit(aws.url).netloc.split(":"))
        writer.write(b"HEAD /files HTTP/1.1\r\n\r\n")
        await asyncio.wait({deciding.task}, timeout=10)
        await deciding.stop()

    with FakeAws() as aws, pytest.raises(KeyError, match="HeadBucket"):
        asyncio.run(live(aws))
    assert "HeadBucket" in capsys.readouterr().err


def test_it_ends_with_who_started_it(built):
    process = subprocess.Popen([paths.FAKE_AWS], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout.readline()
    process.communicate(timeout=10)
    assert process.returncode == 0


def test_if_it_is_not_built_the_error_names_what_builds_it(monkeypatch, tmp_path):
    monkeypatch.setattr(paths, "FAKE_AWS", tmp_path / "fake-aws")
    with pytest.raises(commands.Failure, match="make fake-aws"):
        FakeAws().start()
