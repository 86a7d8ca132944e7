"""What a busy machine withholds is measured, and nothing else is."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from bare_lambda import processor

from campaign.lag import Lag

needs_the_counter = pytest.mark.skipif(processor.waited(os.getpid()) is None, reason="this system does not count it")


def test_a_loop_that_is_held_up_is_late_for_as_long():
    async def hold_up():
        async with Lag() as lag:
            await asyncio.sleep(2 * lag.TICK)
            before = time.time()
            time.sleep(0.4)
            first, half = lag.since(before), lag.since(before + 0.2)
            await asyncio.sleep(2 * lag.TICK)
            after = time.time()
            time.sleep(0.3)
            return first, half, lag.since(after), lag.since(before)

    first, half, second, both = asyncio.run(hold_up())
    assert first >= 0.4 - Lag.TICK, "it counts before the loop goes on"
    assert half <= first - 0.2 + 2 * Lag.TICK, "what was before the instant does not count"
    assert second >= 0.3 - Lag.TICK
    assert both >= first + second - 2 * Lag.TICK


@pytest.fixture
def crowd():
    """Three processes that compute, and have one processor."""
    one = min(os.sched_getaffinity(0))
    command = [sys.executable, "-c", f"import os; os.sched_setaffinity(0, [{one}])\nwhile True: pass"]
    processes = [subprocess.Popen(command) for _ in range(3)]
    yield processes
    for process in processes:
        process.kill()
        process.wait()


@needs_the_counter
def test_a_process_waits_while_others_have_the_processor_and_does_not_while_it_is_stopped(crowd):
    process = crowd[0]
    deadline = time.monotonic() + 30
    while processor.waited(process.pid) < 0.2:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGSTOP)
    time.sleep(0.2)
    before = processor.waited(process.pid)
    time.sleep(0.3)
    assert processor.waited(process.pid) == before


def test_nobody_knows_how_long_a_process_waited_that_is_gone():
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    assert processor.waited(process.pid) is None


@needs_the_counter
def test_an_event_has_as_much_longer_as_the_process_waits(crowd):
    event = threading.Event()
    process = crowd[0]
    before = processor.waited(process.pid)
    began = time.monotonic()
    assert not processor.happens(event, 0.5, process.pid)
    waited = processor.waited(process.pid) - before
    assert waited > 0.1 and time.monotonic() - began >= 0.5 + waited - 0.1
    event.set()
    assert processor.happens(event, 0.5, process.pid)
