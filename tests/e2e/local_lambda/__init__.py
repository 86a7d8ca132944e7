"""The function under AWS's Lambda runtime emulator, without a gateway in front of it.

The tests in emulated/, signatures/ and session_expiry/ use this package. `running` starts the function and sends it
events, `requests` creates the events that a gateway would send, `responses` checks what every response must have,
and `secrecy` searches logs for secrets. `offline` is the environment of a function that calls no AWS service;
`refusing_aws`, `stub_aws` (with `stub_ledger` and `stub_dynamodb`), `attesting_sts`, `container_credentials` and `roles`
are what a function can call; those that listen do so as `local_aws.http_server` has it. `shares_table` is a table of
the local AWS.

API Gateway, its authorizers and IAM are not part of this package. `local_aws` has them.
"""
