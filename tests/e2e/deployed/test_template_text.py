"""What template.yaml says about the object with the grants, read from its text.

The local AWS does not show it: the function would have to be refused every other object of a bucket that is not the
stack's.
"""

import pytest
from local_aws import paths
from samcli.yamlhelper import yaml_parse


@pytest.fixture(scope="module")
def template():
    return yaml_parse(paths.TEMPLATE.read_text(encoding="utf-8"))


def resolved(value, parameters, conditions):
    """A value of the template with its functions applied: those that the passages under test use."""
    if isinstance(value, list):
        items = [resolved(item, parameters, conditions) for item in value]
        return [item for item in items if item is not None]
    if not isinstance(value, dict) or len(value) != 1:
        return value
    [(name, argument)] = value.items()
    if name == "Ref":
        return parameters.get(argument)
    if name == "Fn::If":
        condition, yes, no = argument
        return resolved(yes if conditions[condition] else no, parameters, conditions)
    if name == "Fn::Split":
        separator, text = resolved(argument, parameters, conditions)
        return text.split(separator)
    if name == "Fn::Select":
        index, items = resolved(argument, parameters, conditions)
        return items[index]
    if name == "Fn::Sub":
        text, more = argument if isinstance(argument, list) else (argument, {})
        values = parameters | {key: resolved(item, parameters, conditions) for key, item in more.items()}
        for key, item in values.items():
            text = text.replace("${%s}" % key, str(item))
        return text
    return value


def statements(template, policy, parameters, conditions):
    listed = template["Resources"][policy]["Properties"]["PolicyDocument"]["Statement"]
    entries = [resolved(statement, parameters, conditions) for statement in listed]
    return [entry for entry in entries if entry is not None]


def test_the_function_may_read_exactly_the_object_that_the_parameter_names(template):
    parameters = {"GrantsObject": "s3://my-config/links/grants.json", "AWS::Partition": "aws"}
    found = statements(template, "LinkSignerPermissions", parameters, {"ReadsGrantsObject": True})
    [reads] = [statement for statement in found if statement["Sid"] == "ReadGrants"]
    assert (reads["Effect"], reads["Action"]) == ("Allow", "s3:GetObject")
    resource = resolved(reads["Resource"], parameters, {})
    assert resource == "arn:aws:s3:::my-config/links/grants.json"


def test_without_the_parameter_there_is_no_such_permission_and_no_alarm(template):
    parameters = {"GrantsObject": ""}
    found = statements(template, "LinkSignerPermissions", parameters, {"ReadsGrantsObject": False})
    assert "ReadGrants" not in [statement["Sid"] for statement in found]
    assert len(found) > 2
    assert template["Resources"]["GrantsObjectInvalid"]["Condition"] == "ReadsGrantsObject"
    assert template["Conditions"]["ReadsGrantsObject"] == {
        "Fn::Not": [{"Fn::Equals": [{"Ref": "GrantsObject"}, ""]}]
    }


@pytest.mark.parametrize("value", ["", "s3://my-config/links/grants.json"])
def test_the_function_has_its_grants_in_one_place(template, value):
    parameters, conditions = {"GrantsObject": value}, {"ReadsGrantsObject": bool(value)}
    variables = template["Resources"]["LinkSigner"]["Properties"]["Environment"]["Variables"]
    written = resolved(variables["GRANTS"], parameters, conditions | {"LinksOldVersions": False})
    assert bool(written) is not bool(value)
    assert resolved(variables["GRANTS_OBJECT"], parameters, conditions) == value
