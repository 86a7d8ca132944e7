"""Sessions of the stack's roles, and the codes with which the local AWS refuses them."""

import pytest
from botocore.exceptions import ClientError


def assume(aws, role_arn, credentials=None):
    """Credentials of a session of this role. In the local AWS the root user may assume any role, unlike in AWS."""
    sts = aws.client("sts", credentials)
    return sts.assume_role(RoleArn=role_arn, RoleSessionName="test")["Credentials"]


def refusal(call, **arguments):
    """The error code of a call, which must fail."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return caught.value.response["Error"]["Code"]
