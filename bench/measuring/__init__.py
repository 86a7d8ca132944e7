"""Measures the function beside others that do the same job: `make bench`.

- `runtime_api` stands in for Lambda's Runtime API, `process` starts a function under it;
- `variants` are the functions measured, `building` builds them, `asking` says what they are asked;
- `starts`, `warm`, `batches`, `instructions` and `signer` each measure one thing; `sts` answers the one call
  that the function makes;
- `run` measures all of it, interleaved, and `report` prints what came out.

Everything is on 127.0.0.1, and every function is a real process, started anew. Ratios travel from machine
to machine; milliseconds don't.
"""
