"""The function's bootstrap as Lambda runs it, in Lambda's own runtime emulator, on this machine.

The tests in tests/emulated/, tests/signatures/ and tests/session_death/ stand on this package. `running`
starts the function and gives it events, `asking` makes the events a gateway would send, `answers` says
what is an response at all, `secrecy` searches logs.

What stands before the function (API Gateway, its authorizers, IAM) is not here: that is `local_aws`.
"""
