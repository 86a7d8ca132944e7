"""The campaign sees each fault: a function that has one makes one counter red, and a function without any makes none.

This is so on a late machine too. What comes late because of the machine is counted as such.
"""

import asyncio
import contextlib
import sys
import time
from pathlib import Path

import pytest

from campaign import answers, plan, running, thawed
from campaign import counters as count
from campaign.runtime_api import RuntimeApi

HERE = Path(__file__).parent
START = plan.Start(True, 6 * plan.HOURS, "this function", answers.HEALTHY)
# A function needs a second for its answer, and the campaign allows this machine another one.
INVOKE = plan.Invoke("link", 1, 2.5, answers.HEALTHY)
LIVES = {
    "signer": [START, plan.Freeze(0.1), INVOKE, INVOKE],
    "mailer": [START, plan.Invoke("new", 1, 46.0, answers.HEALTHY)],
}
OF_SIGNER = [count.REFUSED, count.BROKEN, count.TOO_LATE, count.PANICS, count.SECRETS]
OF_MAILER = [count.BROKEN, count.LOST, count.DOUBLED, count.LATE, count.PANICS, count.SECRETS]


async def on_a_quiet_machine():
    """Withhold nothing."""


async def on_a_late_machine():
    """Hold up the stand-ins for half of the time."""
    while True:
        await asyncio.sleep(0.1)
        time.sleep(0.1)


# On a late machine an answer is seen that comes so late that the machine can't be the cause.
MACHINES = {on_a_quiet_machine: 0.3, on_a_late_machine: 4.0}


def faults(directory, fault, function, machine):
    """The names of the faults that the campaign counts when the function has this one."""
    return {name for name, _, _ in lived(directory, fault, function, machine).faults}


def lived(directory, fault, function, machine=on_a_quiet_machine):
    """The counters of a life of a function that has this fault."""
    counters = count.Counters()
    life = plan.Life(1, 1, function, False, steps=LIVES[function])
    command = faulty(directory, fault, MACHINES[machine])

    async def live():
        machine_is = asyncio.create_task(machine())
        # One life is lived in this process, whose loop the machine holds up.
        await running.run([life], command, counters, 1)
        machine_is.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await machine_is

    asyncio.run(live())
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


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("function", LIVES)
def test_a_function_without_a_fault_makes_no_counter_red(isolated, tmp_path, function, machine):
    assert faults(tmp_path, "none", function, machine) == set()


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("fault", OF_SIGNER)
def test_a_fault_of_the_signer_is_seen(isolated, tmp_path, fault, machine):
    assert faults(tmp_path, fault, "signer", machine) == {fault}


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("fault", OF_MAILER)
def test_a_fault_of_the_mailer_is_seen(isolated, tmp_path, fault, machine):
    # A function that ends by itself mails nothing either, and a mail that is lost is late.
    assert fault in faults(tmp_path, fault, "mailer", machine) <= {fault, count.LOST, count.LATE}


def test_an_answer_that_the_machine_alone_delays_is_counted_as_late_and_is_no_fault(isolated, tmp_path, monkeypatch):
    hand_out = RuntimeApi.hand_out

    def hand_out_and_stall(*arguments):
        hand_out(*arguments)
        # The stand-ins go on when the deadline is over.
        asyncio.get_running_loop().call_soon(time.sleep, INVOKE.deadline + 1.0)

    monkeypatch.setattr(RuntimeApi, "hand_out", hand_out_and_stall)
    counters = lived(tmp_path, "none", "signer")
    assert counters.faults == []
    assert counters[count.UNJUDGED] == counters[count.REQUESTS] == 2


def test_a_refused_first_request_is_seen(isolated, tmp_path):
    assert thawed.refused(1, 1, faulty(tmp_path, count.REFUSED)) == 1
    assert thawed.refused(1, 1, faulty(tmp_path, "none")) == 0
