"""The work of the function before its first event, counted in instructions, which do not depend on other processes."""

import pytest
from bare_lambda import instructions, requests, shares

MAX_RATIO = 2.0


@pytest.fixture(scope="module")
def least(hello_world):
    """Instructions of hello world."""
    return instructions.to_first_next((hello_world,), requests.environment(declared=True))


@pytest.mark.skipif(instructions.VALGRIND is None, reason="valgrind was not found: apt install valgrind")
@pytest.mark.parametrize("variables", [requests.environment, shares.environment], ids=["shares off", "shares on"])
def test_the_start_takes_at_most_twice_the_instructions_of_hello_world(function, least, variables):
    # The session is declared, so the function does not ask STS for evidence.
    ours = instructions.to_first_next((function,), variables(declared=True))
    assert ours <= MAX_RATIO * least, f"{ours:,} instructions are {ours / least:.2f} times hello world's {least:,}"
