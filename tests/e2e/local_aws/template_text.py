"""template.yaml as CloudFormation would read it for some parameters, without deploying it.

For what the local AWS can't show: KMS, boundaries as a whole, and the delivery of logs.
"""

import functools

from samcli.yamlhelper import yaml_parse

from . import paths

PSEUDO_PARAMETERS = {
    "AWS::Partition": "aws",
    "AWS::Region": "eu-central-1",
    "AWS::AccountId": "123456789012",
    "AWS::URLSuffix": "amazonaws.com",
    "AWS::StackName": "links",
    "AWS::StackId": "arn:aws:cloudformation:eu-central-1:123456789012:stack/links/11111111-2222-3333-4444-555555555555",
    "AWS::NoValue": None,
}


@functools.cache
def parsed():
    """The template as it is written. Nobody may change what is returned."""
    return yaml_parse(paths.TEMPLATE.read_text(encoding="utf-8"))


class Template:
    """The template with these parameters. Other parameters have their defaults."""

    def __init__(self, **parameters):
        self.text = parsed()
        declared = self.text["Parameters"]
        if unknown := parameters.keys() - declared.keys():
            raise ValueError(f"the template has no parameters {unknown}")
        given = {name: str(parameters.get(name, declared[name]["Default"])) for name in declared}
        self.parameters = PSEUDO_PARAMETERS | {
            name: value.split(",") if declared[name]["Type"] == "CommaDelimitedList" else value
            for name, value in given.items()
        }

    def condition(self, name):
        """Whether a condition holds."""
        return self.resolve(self.text["Conditions"][name])

    def rule_holds(self, name):
        """Whether all assertions of a rule hold."""
        return all(self.resolve(assertion["Assert"]) for assertion in self.text["Rules"][name]["Assertions"])

    def exists(self, name):
        """Whether the stack has this resource."""
        condition = self.text["Resources"][name].get("Condition")
        return condition is None or self.condition(condition)

    def properties(self, name):
        """The properties of a resource, which must exist."""
        if not self.exists(name):
            raise LookupError(f"the stack has no {name}")
        return self.resolve(self.text["Resources"][name]["Properties"])

    def outputs(self):
        """The outputs that the stack has."""
        return {
            name: self.resolve(output["Value"])
            for name, output in self.text["Outputs"].items()
            if "Condition" not in output or self.condition(output["Condition"])
        }

    def statements(self, policy):
        """The statements of a policy, by their Sids."""
        return {statement["Sid"]: statement for statement in self.properties(policy)["PolicyDocument"]["Statement"]}

    def resources_of(self, kind):
        """The names of the stack's resources of a type."""
        return [name for name, one in self.text["Resources"].items() if one["Type"] == kind and self.exists(name)]

    def resolve(self, value):
        """A value with its intrinsic functions applied. An attribute is written as `<Resource.Attribute>`."""
        if isinstance(value, list):
            return [item for item in map(self.resolve, value) if item is not None]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            [(name, argument)] = value.items()
            function = getattr(self, f"_{name.removeprefix('Fn::').lower()}", None)
            if function is not None and (name.startswith("Fn::") or name == "Ref"):
                return function(argument)
        resolved = {key: self.resolve(item) for key, item in value.items()}
        return {key: item for key, item in resolved.items() if item is not None}

    def _ref(self, name):
        if name in self.parameters:
            return self.parameters[name]
        if not self.exists(name):
            raise LookupError(f"the stack has no {name}")
        return f"<{name}>"

    def _getatt(self, argument):
        name, attribute = argument if isinstance(argument, list) else argument.split(".", 1)
        return self._ref(name).replace(">", f".{attribute}>")

    def _if(self, argument):
        condition, yes, no = argument
        return self.resolve(yes if self.condition(condition) else no)

    def _equals(self, argument):
        one, other = self.resolve(argument)
        return one == other

    def _not(self, argument):
        [one] = self.resolve(argument)
        return not one

    def _and(self, argument):
        return all(self.resolve(argument))

    def _or(self, argument):
        return any(self.resolve(argument))

    def _contains(self, argument):
        names, name = self.resolve(argument)
        return name in names

    def _eachmemberequals(self, argument):
        names, name = self.resolve(argument)
        return all(one == name for one in names)

    def _join(self, argument):
        separator, items = self.resolve(argument)
        return separator.join(items)

    def _split(self, argument):
        separator, text = self.resolve(argument)
        return text.split(separator)

    def _select(self, argument):
        index, items = self.resolve(argument)
        return items[int(index)]

    def _sub(self, argument):
        text, more = argument if isinstance(argument, list) else (argument, {})
        more = {name: self.resolve(value) for name, value in more.items()}
        written = ""
        while "${" in text:
            before, rest = text.split("${", 1)
            name, text = rest.split("}", 1)
            found = more[name] if name in more else self._getatt(name) if "." in name else self._ref(name)
            written += before + found
        return written + text
