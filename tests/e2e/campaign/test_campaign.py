"""Some dozens of short lives. `make campaign` lives a thousand long ones.

The seed is fixed, so what is planned is the same each time. If a test fails, its message says how to repeat the life.
"""

import asyncio

import pytest
from local_aws import paths

from campaign import counters as count
from campaign import running, thawed

SEED = 20261125
LIVES = 48
MOST_STEPS = 4
THAWED = 50


@pytest.fixture(scope="module")
def lived(built):
    """The counters of all lives, and of environments made ahead of need."""
    return asyncio.run(live())


async def live():
    counters = count.Counters()
    await asyncio.gather(
        running.run(running.planned(SEED, range(LIVES), MOST_STEPS), paths.BOOTSTRAP, counters),
        thawed.run(SEED, THAWED, paths.BOOTSTRAP, counters),
    )
    return counters


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
