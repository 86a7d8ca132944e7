"""The work of the function before its first event, counted in instructions, which do not depend on other processes."""

import pytest
from bare_lambda import instructions, requests, shares

# Without shares, and with them: their settings are read as well.
MAX_RATIO = 2.0
MAX_RATIO_WITH_SHARES = 2.05


@pytest.fixture(scope="module")
def least(hello_world):
    """Instructions of hello world."""
    return instructions.to_first_next((hello_world,), requests.environment(declared=True))


@pytest.mark.skipif(instructions.VALGRIND is None, reason="valgrind was not found: apt install valgrind")
@pytest.mark.parametrize(
    ("variables", "bound"),
    [(requests.environment, MAX_RATIO), (shares.environment, MAX_RATIO_WITH_SHARES)],
    ids=["shares off", "shares on"],
)
def test_the_start_takes_few_times_the_instructions_of_hello_world(function, least, variables, bound):
    # The session is declared, so the function does not ask STS for evidence.
    ours = instructions.to_first_next((function,), variables(declared=True))
    assert ours <= bound * least, f"{ours:,} instructions are {ours / least:.2f} times hello world's {least:,}"
