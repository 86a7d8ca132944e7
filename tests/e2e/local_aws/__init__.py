"""An AWS on this machine, with this repository's template.yaml deployed to it.

`make run`, `make demo` and the tests in tests/deployed/ all stand on this package, so what a person
plays with is what is tested. One module, one step: `emulator` starts the local AWS, `building` builds
the function, `deploying` brings the template to life, `calling` speaks to the API, `demo` shows it.

Not for production, and not a way to reach a real account: `isolation` sees to that.
"""
