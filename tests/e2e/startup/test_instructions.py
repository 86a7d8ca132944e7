"""The work of the function before its first event, counted in instructions, which do not depend on other processes."""

import pytest
from bare_lambda import instructions, requests

MAX_RATIO = 2.0


@pytest.mark.skipif(instructions.VALGRIND is None, reason="valgrind was not found: apt install valgrind")
def test_the_start_takes_at_most_twice_the_instructions_of_hello_world(function, hello_world):
    # The session is declared, so the function does not ask STS for evidence.
    environment = requests.environment(declared=True)
    ours = instructions.to_first_next((function,), environment)
    least = instructions.to_first_next((hello_world,), environment)
    assert ours <= MAX_RATIO * least, f"{ours:,} instructions are {ours / least:.2f} times hello world's {least:,}"
