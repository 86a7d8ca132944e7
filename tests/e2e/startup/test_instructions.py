"""How much the function does before its first event: counted, not timed, so that a busy machine changes nothing."""

import pytest
from bare_lambda import requests, instructions

MOST = 2.5


@pytest.mark.skipif(instructions.VALGRIND is None, reason="there is no valgrind to count with: apt install valgrind")
def test_the_start_takes_at_most_two_and_a_half_times_the_instructions_of_hello_world(function, hello_world):
    # Declared: under valgrind everything takes fifty times as long, and by the time the request for an event
    # has come, what is asked of STS beside it would have begun to be counted.
    environment = requests.environment(declared=True)
    ours = instructions.to_first_next((function,), environment)
    least = instructions.to_first_next((hello_world,), environment)
    assert ours <= MOST * least, f"{ours:,} instructions are {ours / least:.2f} times hello world's {least:,}"
