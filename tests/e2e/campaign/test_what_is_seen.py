"""The campaign sees each fault: a function that has one makes one counter red, and a function without any makes none.

This is so on a late machine too. What comes late because of the machine is counted as such.
"""

import asyncio
import sys
import time
from pathlib import Path

import pytest

from campaign import answers, plan, running, thawed
from campaign import counters as count
from campaign.runtime_api import RuntimeApi

HERE = Path(__file__).parent
START = plan.Start(True, 6 * plan.HOURS, "this function", answers.HEALTHY)
# A function needs a second for its answer, the campaign allows this machine another one, and a late one needs more.
INVOKE = plan.Invoke("link", 1, 10.0, answers.HEALTHY)
SHORT_INVOKE = plan.Invoke("link", 1, 2.5, answers.HEALTHY)
LIVES = {
    "signer": [START, plan.Freeze(0.1), INVOKE, INVOKE],
    "mailer": [START, plan.Invoke("new", 1, 46.0, answers.HEALTHY)],
}
SHORT_LIFE = [START, SHORT_INVOKE]
OF_SIGNER = [count.REFUSED, count.BROKEN, count.TOO_LATE, count.PANICS, count.SECRETS]
OF_MAILER = [count.BROKEN, count.LOST, count.DOUBLED, count.LATE, count.PANICS, count.SECRETS]
FUNCTIONS = {"signer": OF_SIGNER, "mailer": OF_MAILER}


async def on_a_quiet_machine():
    """Withhold nothing."""


async def on_a_late_machine():
    """Hold up who decides the answers, for half of the time."""
    while True:
        await asyncio.sleep(0.1)
        time.sleep(0.1)


# How many seconds after the deadline an answer comes that is too late. On a late machine more must be seen.
MACHINES = {on_a_quiet_machine: 0.3, on_a_late_machine: 4.0}


@pytest.fixture(scope="module", params=MACHINES)
def seen(built, tmp_path_factory, request):
    """What the campaign sees on a machine: the names of what it counts, for each function and each fault."""
    machine = request.param
    functions = [(function, fault) for function, own in FUNCTIONS.items() for fault in (*own, "none")]

    async def live():
        holding_up = asyncio.create_task(machine())
        lives = [life(tmp_path_factory.mktemp("faulty"), *pair, MACHINES[machine]) for pair in functions]
        lived = await asyncio.gather(*lives)
        holding_up.cancel()
        return dict(zip(functions, lived, strict=True))

    lived = asyncio.run(live())
    return {pair: {name for name, _, _ in counters.faults} for pair, counters in lived.items()}


async def life(directory, function, fault, seconds_too_late=0.0):
    """The counters of a life of a function that has this fault. It is lived in this process."""
    counters = count.Counters()
    steps = SHORT_LIFE if fault == count.TOO_LATE else LIVES[function]
    command = faulty(directory, fault, seconds_too_late)
    await running.run([plan.Life(1, 1, function, False, steps=steps)], command, counters, 1)
    return counters


def faulty(directory, fault, seconds_too_late=0.0):
    """A program that runs the function with this fault."""
    program = directory / "bootstrap"
    arguments = f'"{HERE / "faulty_function.py"}" "{fault}" {seconds_too_late}'
    command = f'PYTHONPATH="{HERE.parent}" exec "{sys.executable}" {arguments}'
    program.write_text(f"#!/bin/sh\n{command}\n", encoding="utf-8")
    program.chmod(0o755)
    return program


def test_every_fault_is_tested():
    assert {*OF_SIGNER, *OF_MAILER, count.FIRST_REFUSED} == {*count.FAULTS}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_without_a_fault_makes_no_counter_red(seen, function):
    assert seen[function, "none"] == set()


@pytest.mark.parametrize("fault", OF_SIGNER)
def test_a_fault_of_the_signer_is_seen(seen, fault):
    assert seen["signer", fault] == {fault}


@pytest.mark.parametrize("fault", OF_MAILER)
def test_a_fault_of_the_mailer_is_seen(seen, fault):
    # A function that ends by itself mails nothing either, and a mail that is lost is late.
    assert fault in seen["mailer", fault] <= {fault, count.LOST, count.LATE}


def test_an_answer_that_the_machine_alone_delays_is_counted_as_late_and_is_no_fault(built, tmp_path, monkeypatch):
    hand_out = RuntimeApi.hand_out

    def hand_out_and_stall(*arguments):
        hand_out(*arguments)
        # Nothing is noted before the deadline is over.
        asyncio.get_running_loop().call_soon(time.sleep, SHORT_INVOKE.deadline + 1.0)

    monkeypatch.setattr(RuntimeApi, "hand_out", hand_out_and_stall)
    counters = count.Counters()
    asyncio.run(running.run([plan.Life(1, 1, "signer", False, steps=SHORT_LIFE)], faulty(tmp_path, "none"), counters, 1))
    assert counters.faults == []
    assert counters[count.UNJUDGED] == counters[count.REQUESTS] == 1


def test_a_refused_first_request_is_seen(built, tmp_path):
    assert thawed.refused(1, 1, faulty(tmp_path, count.REFUSED)) == 1
    assert thawed.refused(1, 1, faulty(tmp_path, "none")) == 0
