"""One execution environment: a process of the built function, which can be stopped, thawed and killed."""

import asyncio
import contextlib
import os
import signal
import time

from bare_lambda import processor

from .lag import Watch
from .runtime_api import RuntimeApi


class Ended(Exception):
    """The process ended by itself."""


class Environment:
    """A process under a Runtime API of its own."""

    def __init__(self, command, variables):
        self._command = str(command)
        self._variables = variables
        self._output = bytearray()
        self._process = None
        self._waited = 0.0
        self.api = RuntimeApi()

    async def start(self):
        self.api.start()
        self._process = await asyncio.create_subprocess_exec(
            self._command,
            env={**self._variables, "AWS_LAMBDA_RUNTIME_API": self.api.address},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        self._reading = asyncio.create_task(self._read())
        return self

    def stop(self):
        """Stop the process (SIGSTOP)."""
        self._send(signal.SIGSTOP)

    def thaw(self):
        """Let the process go on (SIGCONT)."""
        self._send(signal.SIGCONT)

    @property
    def waited(self):
        """For how many seconds the process waited for a processor so far."""
        if self._process and self._process.returncode is None:
            # A process that has just ended has no counter any more.
            self._waited = processor.waited(self._process.pid) or self._waited
        return self._waited

    async def end(self):
        """Kill the process, unless it has ended, and read the rest of its output."""
        self._send(signal.SIGKILL)
        await self._process.wait()
        await self._reading
        self.api.stop()

    async def asks_for_an_event(self, lag, aws, seconds):
        """Whether the process asks for an event within so many seconds of its own."""
        watch = Watch(lag, self, aws)
        began_at = time.time()
        while (left := began_at + seconds + watch.withheld() - time.time()) > 0.0:
            if await self.before_it_ends(self.api.next_was_asked.wait(), left):
                return True
        return False

    async def before_it_ends(self, awaited, seconds):
        """The outcome of `awaited`. None if it takes longer than `seconds`.

        Raises `Ended` if the process ends first.
        """
        wanted = asyncio.ensure_future(awaited)
        ended = asyncio.ensure_future(self._process.wait())
        await asyncio.wait({wanted, ended}, timeout=max(0.0, seconds), return_when=asyncio.FIRST_COMPLETED)
        ended.cancel()
        if wanted.done():
            return wanted.result()
        wanted.cancel()
        if self._process.returncode is not None:
            raise Ended(f"the process ended with {self._process.returncode}")
        return None

    @property
    def has_ended(self):
        return self._process.returncode is not None

    @property
    def output(self):
        """What the process wrote to standard output and standard error so far."""
        return self._output.decode(errors="replace")

    async def _read(self):
        while block := await self._process.stdout.read(65536):
            self._output += block

    def _send(self, number):
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process.pid, number)
