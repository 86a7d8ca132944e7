"""CloudFormation: `Fn::Split` and `Fn::Sub` in conditions. ministack compares them as they are written."""

import copy

RESOLVED = ("Fn::Split", "Fn::Sub")


def split_and_substitute_in_conditions():
    """Resolves both before conditions are evaluated. They can only be about parameters there.

    Source: AWS CloudFormation template reference, "Condition functions", supported functions.
    """
    from ministack.services import cloudformation
    from ministack.services.cloudformation import changesets, engine, handlers, provisioners, stacks

    original = engine._evaluate_conditions

    def resolved(value, params):
        if isinstance(value, dict):
            if len(value) == 1 and next(iter(value)) in RESOLVED:
                return engine._resolve_refs(value, {}, params, {}, {}, "", "")
            return {name: resolved(item, params) for name, item in value.items()}
        if isinstance(value, list):
            return [resolved(item, params) for item in value]
        return value

    def evaluate(template, params):
        conditions = resolved(copy.deepcopy(template.get("Conditions", {})), params)
        return original({**template, "Conditions": conditions}, params)

    for module in (cloudformation, changesets, engine, handlers, provisioners, stacks):
        if hasattr(module, "_evaluate_conditions"):
            module._evaluate_conditions = evaluate
