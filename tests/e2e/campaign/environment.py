"""One execution environment: a process of the built function, which can be stopped, thawed and killed."""

import asyncio
import contextlib
import os
import signal

from .runtime_api import RuntimeApi


class Ended(Exception):
    """The process ended by itself."""


class Environment:
    """A process under a Runtime API of its own."""

    def __init__(self, command, variables):
        self._command = str(command)
        self._variables = variables
        self._output = bytearray()
        self.api = RuntimeApi()

    async def start(self):
        await self.api.start()
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

    async def end(self):
        """Kill the process, unless it has ended, and read the rest of its output."""
        self._send(signal.SIGKILL)
        await self._process.wait()
        await self._reading
        await self.api.stop()

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
