"""Many lives of the built function, each with the freezes, ends and failures that a life in Lambda can have.

A life is one environment after another: a process under a Runtime API of this package, whose AWS is a fake one of its
own (`fake_aws`). What happens in a life follows from the seed and the life's number alone.

- `plan` says what happens in a life: requests, freezes, ends, new credentials.
- `answers` says how its AWS answers each call.
- `aws` lets the fake AWS answer so. Its errors repeat what they were sent.
- `sessions` makes credentials whose sessions end at known instants, and the tokens that attest this.
- `runtime_api` and `environment` run one process. Its signals are SIGSTOP, SIGCONT and SIGKILL.
- `events` makes the requests and the queue's messages.
- `life` lives a plan, and `signer_life` and `mailer_life` make its events and judge the responses.
- `expectations` says what may fail: whether a request could have been served, whether a mail had to go out or to be
  marked.
- `judge` takes answers apart, and compares them with what they promise. `running` searches all words for secrets.
- `lag` measures what this machine withholds from the lives.
- `spreading` spreads the lives over processes, and their starts over seconds.
- `counters` counts and prints.
- `thawed` is another campaign: environments that were made ahead of need, and their first requests.
- `faulty_function` has one fault each time, so that `test_what_is_seen` can show that it is seen.

`make campaign` runs 1,000 lives. CONTRIBUTING.md says how to repeat one.
"""
