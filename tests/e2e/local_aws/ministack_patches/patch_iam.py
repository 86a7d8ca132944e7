"""IAM: the policies of a role apply some seconds after the role was made, if `IAM_DELAY_SECONDS` says so."""

import os
from datetime import datetime, timezone


def apply_new_policies_late():
    """IAM's changes are eventually consistent. A role that was just made is refused what its policies allow.

    Source: IAM user guide, "Changes that I make are not always immediately visible".
    """
    from ministack.core import iam_evaluator
    from ministack.services import iam

    delay = float(os.environ.get("IAM_DELAY_SECONDS", "0"))
    original_gather = iam_evaluator._gather_role_policies

    def age(role_name, account_id):
        made = datetime.fromisoformat(iam._roles.get_scoped(account_id, None, role_name)["CreateDate"])
        return (datetime.now(timezone.utc) - made).total_seconds()

    def gather(role_name, account_id):
        policies = original_gather(role_name, account_id)
        return [] if policies and age(role_name, account_id) < delay else policies

    iam_evaluator._gather_role_policies = gather
