"""Some dozens of short lives. `make campaign` lives a thousand long ones.

The seed is fixed, so what is planned is the same each time. If a test fails, its message says how to repeat the life.
"""

import asyncio

import pytest
from local_aws import paths

from campaign import counters as count
from campaign import plan, running, thawed, weather

SEED = 20261125
LIVES = 48
MOST_STEPS = 4
THAWED = 50

# STS does not answer, and the process is stopped in the middle of the call, for longer than a call takes with all its
# time-outs. Then STS answers again.
SILENT_STS = {**weather.CALM, "sts": "hanging"}
INTERRUPTED_CALL = [
    plan.Start(True, 6 * plan.HOURS, "this function", SILENT_STS),
    plan.Invoke("link", 1, 15.0, SILENT_STS, plan.Stop(0.5, 7.0)),
    plan.Invoke("link", 1, 5.0, weather.CALM),
]


@pytest.fixture(scope="module")
def all_lived(built):
    """The counters of all lives and of environments made ahead of need, and those of the interrupted call."""
    return asyncio.run(live())


@pytest.fixture(scope="module")
def lived(all_lived):
    return all_lived[0]


async def live():
    counters, interrupted = count.Counters(), count.Counters()
    interrupted_life = plan.Life(SEED, LIVES, "signer", False, steps=INTERRUPTED_CALL)
    await asyncio.gather(
        running.run(running.planned(SEED, range(LIVES), MOST_STEPS), paths.BOOTSTRAP, counters),
        running.run([interrupted_life], paths.BOOTSTRAP, interrupted, 1),
        thawed.run(SEED, THAWED, paths.BOOTSTRAP, counters),
    )
    return counters, interrupted


@pytest.mark.parametrize("fault", count.FAULTS)
def test_no_life_has(lived, fault):
    found = [f"--seed {life.replace('/', ' --life ')}: {what}" for name, life, what in lived.faults if name == fault]
    assert found == [], f"python -m campaign --steps {MOST_STEPS} repeats one:\n" + "\n".join(found[:10])


def test_the_lives_are_hard_enough(lived):
    assert lived[count.LIVES] == LIVES and lived[count.THAWED] == THAWED
    # What is counted here must happen, or the lives show nothing.
    happened = (count.FREEZES, count.STOPS, count.KILLED, count.LINKS, count.EXCUSED, count.MAILS_SENT, count.MAILS_WAITED)
    assert [size for size in happened if not lived[size]] == []
    assert lived[count.UNJUDGED] <= lived[count.REQUESTS] // 20, "this machine is too slow to judge"


def test_a_call_that_was_interrupted_starts_no_pause(all_lived):
    _, interrupted = all_lived
    assert (interrupted[count.REQUESTS], interrupted[count.EXCUSED], interrupted[count.LINKS]) == (2, 1, 1)
    assert interrupted.faults == []
