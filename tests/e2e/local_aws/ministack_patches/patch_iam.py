"""IAM: roles of a stack have their boundary, and new policies apply late, if `IAM_DELAY_SECONDS` says so."""

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


def attach_the_boundaries_of_roles_in_templates():
    """CloudFormation makes a role with its `PermissionsBoundary`, and changes it in place. ministack enforces boundaries,
    but leaves the property of a template out.

    Source: CloudFormation template reference, "AWS::IAM::Role".
    """
    from ministack.services import iam
    from ministack.services.cloudformation import provisioners

    handlers = provisioners._RESOURCE_HANDLERS["AWS::IAM::Role"]
    original_create, original_update = handlers["create"], handlers["update"]

    def attach(name, props):
        if props.get("PermissionsBoundary"):
            iam._roles[name]["PermissionsBoundary"] = props["PermissionsBoundary"]
        else:
            iam._roles[name].pop("PermissionsBoundary", None)

    def create(logical_id, props, stack_name):
        created = original_create(logical_id, props, stack_name)
        attach(created[0], props)
        return created

    def update(physical_id, old_props, new_props, stack_name, logical_id=None):
        updated = original_update(physical_id, old_props, new_props, stack_name, logical_id)
        attach(updated[0], new_props)
        return updated

    handlers["create"], handlers["update"] = create, update
