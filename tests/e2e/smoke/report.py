"""The report: one line for each step, and what to do about those that failed."""

from contextlib import contextmanager


class Failed(Exception):
    """The step shows something wrong. The sentence says what was seen, and what to do."""


class Skipped(Exception):
    """The step could not be made, or is of no use here. The sentence says why."""


class Report:
    def __init__(self):
        self.failed = 0
        self._number = 0

    @contextmanager
    def step(self, what):
        """Run a step. Its block adds to the list it gets what was seen."""
        self._number += 1
        seen = []
        try:
            yield seen
        except Skipped as reason:
            self._print("skipped", what, str(reason))
        except Failed as reason:
            self.failed += 1
            self._print("FAILED", what, str(reason))
        except Exception as error:  # noqa: BLE001 - a missing permission must not hide the other steps
            self.failed += 1
            self._print("FAILED", what, f"{type(error).__name__}: {error}")
        else:
            self._print("ok", what, "; ".join(seen))

    def _print(self, outcome, what, seen):
        print(f"{self._number:2} {outcome:8}{what}" + (f": {seen}" if seen else ""), flush=True)
