"""A local AWS with this repository's template.yaml deployed to it.

`make run`, `make demo` and the tests in deployed/ share this package, so people try out what is tested. Each
module has one task: `emulator` starts the local AWS, `building` builds the function, `deploying` deploys the
template, `api_client` sends requests, and `demo` runs the demonstration.

It is not for production and does not connect to real accounts. `isolation` removes the user's AWS settings.
"""
