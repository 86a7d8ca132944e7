"""One function process under a small stand-in for Lambda's Runtime API, with nothing else around it.

- `runtime_api` is the stand-in. It hands out events and takes responses. `runtime_server` is its server, and
  `concurrent_runtime_api` hands out many events at a time.
- `process` starts a function as a child process and reads its CPU time and memory.
- `requests` makes the events and the environment variables.

The tests in `startup/` use this package, and so do the benchmarks, which import it and are not imported by it.
Use `local_lambda` where behaviour matters and time does not: it runs AWS's own runtime emulator.
"""
