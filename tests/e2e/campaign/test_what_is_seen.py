"""The campaign sees each fault: a function that has one makes one counter red, and a function without any makes none."""

import asyncio
import sys
from pathlib import Path

import pytest

from campaign import counters as count
from campaign import plan, running, thawed, weather

HERE = Path(__file__).parent
START = plan.Start(True, 6 * plan.HOURS, "this function", weather.CALM)
# A function needs a second for its answer, and the campaign allows this machine another one.
INVOKE = plan.Invoke("link", 1, 2.5, weather.CALM)
LIVES = {
    "signer": [START, plan.Freeze(0.1), INVOKE, INVOKE],
    "mailer": [START, plan.Invoke("new", 1, 46.0, weather.CALM)],
}
OF_SIGNER = [count.REFUSED, count.BROKEN, count.TOO_LATE, count.PANICS, count.SECRETS]
OF_MAILER = [count.BROKEN, count.LOST, count.DOUBLED, count.LATE, count.PANICS, count.SECRETS]


def faults(directory, fault, function):
    """The names of the faults that the campaign counts when the function has this one."""
    counters = count.Counters()
    life = plan.Life(1, 1, function, False, steps=LIVES[function])
    asyncio.run(running.run([life], faulty(directory, fault), counters, 1))
    return {name for name, _, _ in counters.faults}


def faulty(directory, fault):
    """A program that runs the function with this fault."""
    program = directory / "bootstrap"
    command = f'PYTHONPATH="{HERE.parent}" exec "{sys.executable}" "{HERE / "faulty_function.py"}" "{fault}"'
    program.write_text(f"#!/bin/sh\n{command}\n", encoding="utf-8")
    program.chmod(0o755)
    return program


def test_every_fault_is_tested():
    assert {*OF_SIGNER, *OF_MAILER, count.FIRST_REFUSED} == {*count.FAULTS}


@pytest.mark.parametrize("function", LIVES)
def test_a_function_without_a_fault_makes_no_counter_red(isolated, tmp_path, function):
    assert faults(tmp_path, "none", function) == set()


@pytest.mark.parametrize("fault", OF_SIGNER)
def test_a_fault_of_the_signer_is_seen(isolated, tmp_path, fault):
    assert faults(tmp_path, fault, "signer") == {fault}


@pytest.mark.parametrize("fault", OF_MAILER)
def test_a_fault_of_the_mailer_is_seen(isolated, tmp_path, fault):
    # A function that ends by itself mails nothing either, and a mail that is lost is late.
    assert fault in faults(tmp_path, fault, "mailer") <= {fault, count.LOST, count.LATE}


def test_a_refused_first_request_is_seen(isolated, tmp_path):
    assert thawed.refused(1, 1, faulty(tmp_path, count.REFUSED)) == 1
    assert thawed.refused(1, 1, faulty(tmp_path, "none")) == 0
