"""Some dozens of short lives. `make campaign` lives a thousand long ones.

The seed is fixed, so what is planned is the same each time. If a test fails, its message says how to repeat the life.
"""

import asyncio

import pytest
from local_aws import paths

from campaign import answers, plan, running, thawed
from campaign import counters as count

SEED = 20261125
LIVES = 48
MOST_STEPS = 4
THAWED = 50
# Few at a time: the longest life takes as long as all of them in so many lanes.
LIVES_AT_ONCE = 24
THAWED_AT_ONCE = 8

# STS does not answer, and the process is stopped in the middle of the call, for longer than a call takes with all its
# time-outs. Then STS answers again.
SILENT_STS = {**answers.HEALTHY, "sts": "hanging"}
INTERRUPTED_CALL = [
    plan.Start(True, 6 * plan.HOURS, "this function", SILENT_STS),
    plan.Invoke("link", 1, 15.0, SILENT_STS, plan.Stop(0.5, 7.0)),
    plan.Invoke("link", 1, 5.0, answers.HEALTHY),
]
# STS does not answer, and the deadline comes before the calls' time-outs.
SHORT_INVOCATION = [
    plan.Start(True, 6 * plan.HOURS, "this function", SILENT_STS),
    plan.Invoke("link", 1, 3.0, SILENT_STS),
]


@pytest.fixture(scope="module")
def all_lived(built):
    """The counters of all lives and of environments made ahead of need, of the interrupted call, and of the short one."""
    return asyncio.run(live())


@pytest.fixture(scope="module")
def lived(all_lived):
    return all_lived[0]


async def live():
    counters, interrupted, short = count.Counters(), count.Counters(), count.Counters()
    interrupted_life = plan.Life(SEED, LIVES, "signer", False, steps=INTERRUPTED_CALL)
    short_life = plan.Life(SEED, LIVES + 1, "signer", False, steps=SHORT_INVOCATION)
    await asyncio.gather(
        running.run(running.planned(SEED, range(LIVES), MOST_STEPS), paths.BOOTSTRAP, counters, LIVES_AT_ONCE),
        running.run([interrupted_life], paths.BOOTSTRAP, interrupted, 1),
        running.run([short_life], paths.BOOTSTRAP, short, 1),
        thawed.run(SEED, THAWED, paths.BOOTSTRAP, counters, THAWED_AT_ONCE),
    )
    return counters, interrupted, short


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
    _, interrupted, _ = all_lived
    assert (interrupted[count.REQUESTS], interrupted[count.EXCUSED], interrupted[count.LINKS]) == (2, 1, 1)
    assert interrupted.faults == []


def test_an_answer_comes_before_a_deadline_that_is_sooner_than_the_time_outs(all_lived):
    _, _, short = all_lived
    assert (short[count.REQUESTS], short[count.EXCUSED], short[count.LINKS]) == (1, 1, 0)
    assert short.faults == []
