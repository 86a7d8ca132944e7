"""Starts the fake AWS, which `local_aws.building` and `make fake-aws` build."""

import contextlib
import json
import subprocess

from local_aws import commands, isolation, paths

from .orders import REFUSAL, Orders


class FakeAws(Orders):
    """A fake AWS that knows nothing, until the `with` block ends.

    The end of the block fails if the function sent what AWS would refuse whatever its state.
    """

    def __init__(self):
        self._process = None

    def start(self):
        """Start it. `stop` ends it."""
        try:
            self._process = subprocess.Popen(
                [paths.FAKE_AWS],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                # What AWS would refuse is asked for in the end.
                stderr=subprocess.DEVNULL,
                env=isolation.clean_environment(),
            )
        except FileNotFoundError:
            raise commands.Failure(f"{paths.FAKE_AWS} is not there. Build it: make fake-aws") from None
        addresses = json.loads(self._process.stdout.readline())
        # Where its services are.
        self.url = addresses["aws"]
        super().__init__(addresses["orders"])
        return self

    def stop(self):
        """End it. The connections to it end too."""
        # Otherwise it would end by itself, because its standard input is closed.
        self._process.kill()
        self._process.wait()
        self._process.stdin.close()
        self._process.stdout.close()

    @property
    def pid(self):
        """The id of its process."""
        return self._process.pid

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, *_):
        try:
            violations = self.violations()
        finally:
            self.stop()
        assert kind or not violations, f"AWS would refuse what it was sent: {violations}"


@contextlib.contextmanager
def refusing():
    """A fake AWS that refuses every call, for a function that should send none.

    If it sends one, the call stays on this machine, fails at once, and can be counted.
    """
    with FakeAws() as aws:
        aws.always(REFUSAL)
        yield aws
