"""The function under AWS's Lambda runtime emulator, without a gateway in front of it.

The tests in emulated/, signatures/ and session_expiry/ use this package. `running` starts the function and sends it
events, `requests` creates the events that a gateway would send, `responses` checks what every response must have,
and `secrecy` searches logs for secrets. `offline` is the environment of a function that calls no AWS service.
`container_credentials` gives a function credentials. `roles` and `shares_table` are a role and a table of the local AWS.

What the local AWS can't do, such as fail, the package `fake_aws` does.

API Gateway, its authorizers and IAM are not part of this package. `local_aws` has them.
"""
