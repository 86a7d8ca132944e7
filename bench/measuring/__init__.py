"""Measures the function beside others that do the same job: `make bench`.

- `variants` lists the functions that are measured, and `building` builds them.
- `starts`, `warm`, `batches`, `shares`, `uploads` and `signer` each measure one thing.
- `signatures` checks the URLs. `services` are STS, S3 and DynamoDB, over TLS (`tls_front`).
- `instructions` counts a start's instructions with valgrind.
- `run` measures everything in turns, `report` makes the tables, and `table` formats them.

`bare_lambda`, in tests/e2e, starts a function under a stand-in for Lambda's Runtime API, and `fake_aws` is its AWS. The
benchmarks import from the tests, and never the reverse.

Every function is a process of its own, and all connections stay on 127.0.0.1. Ratios are comparable between
machines. Milliseconds are not.
"""
