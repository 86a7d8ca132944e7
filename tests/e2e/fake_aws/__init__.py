"""The fake AWS of `crates/fake-aws` as a process: S3, STS, SES and DynamoDB on 127.0.0.1.

- `running` starts it, and `orders` tells it what to do and asks what it did. Its documentation in
  `crates/fake-aws/src/control.rs` lists the orders.
- `calls` reads what it was sent, and `mails` what a mail says.
- `ledger` is the table of mails.
- `deciding` decides the answer to each call, for programs that have an event loop.

Tests fail if the function sent what AWS would refuse whatever its state. It verifies no signature and knows no
permission: `local_aws` does.
"""

from .running import FakeAws, refusing

__all__ = ["FakeAws", "refusing"]
