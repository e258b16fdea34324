"""CloudFormation's YAML and the intrinsic functions that template.yaml uses."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

REGION = "us-east-1"
ACCOUNT = "123456789012"  # moto's

PSEUDO = {
    "AWS::Region": REGION,
    "AWS::AccountId": ACCOUNT,
    "AWS::Partition": "aws",
    "AWS::URLSuffix": "amazonaws.com",
    "AWS::StackName": "image-studio",
    "AWS::StackId": f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/image-studio/8c1f7d10-0b1d-11f0-9a5b-0affd1e4",
}
_NO_VALUE = object()


class _Loader(yaml.CSafeLoader):
    """CSafeLoader that reads `!Ref x` as {"Ref": x} and `!Sub x` as {"Fn::Sub": x}."""


def _tagged(loader: yaml.CSafeLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)  # type: ignore[arg-type]  # the only kind that is left
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {"Ref" if suffix == "Ref" else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _tagged)


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a template as plain data, with intrinsic functions in their long form."""
    loaded: dict[str, Any] = yaml.load(path.read_text(), Loader=_Loader)  # noqa: S506  # a SafeLoader
    return loaded


class Unresolved(LookupError):
    """A reference to something that has no value here."""


class Resolver:
    """Evaluates intrinsic functions.

    `attributes` has, per logical id, what `Ref` and each `GetAtt` give; `parameters` the parameters' values.
    """

    def __init__(
        self,
        document: Mapping[str, Any],
        parameters: Mapping[str, str],
        attributes: Mapping[str, Mapping[str, str]],
    ) -> None:
        declared = document.get("Parameters", {})
        self._values: dict[str, Any] = {
            **PSEUDO,
            **{name: str(rule["Default"]) for name, rule in declared.items() if "Default" in rule},
            **parameters,
        }
        self._attributes = attributes
        self._conditions = document.get("Conditions", {})

    def resolve(self, node: Any) -> Any:
        """Return the node with every intrinsic function evaluated. Raises Unresolved."""
        if isinstance(node, list):
            return [value for value in map(self.resolve, node) if value is not _NO_VALUE]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            name, argument = next(iter(node.items()))
            function = self._functions().get(name)
            if function:
                return function(argument)
        pairs = ((key, self.resolve(value)) for key, value in node.items())
        return {key: value for key, value in pairs if value is not _NO_VALUE}

    def _functions(self) -> dict[str, Callable[[Any], Any]]:
        return {
            "Ref": self._ref,
            "Fn::GetAtt": lambda argument: self._attribute(argument[0], argument[1]),
            "Fn::Sub": self._sub,
            "Fn::Join": lambda argument: str(argument[0]).join(map(str, self.resolve(argument[1]))),
            "Fn::Split": lambda argument: str(self.resolve(argument[1])).split(argument[0]),
            "Fn::Select": lambda argument: self.resolve(argument[1])[int(argument[0])],
            "Fn::If": lambda argument: self.resolve(argument[1 if self.holds(argument[0]) else 2]),
        }

    def holds(self, condition: str) -> bool:
        """Whether a named condition is true. Raises KeyError."""
        return self._test(self._conditions[condition])

    def _test(self, node: Any) -> bool:
        name, argument = next(iter(node.items()))
        if name == "Condition":
            return self.holds(argument)
        if name == "Fn::Equals":
            return str(self.resolve(argument[0])) == str(self.resolve(argument[1]))  # CloudFormation has only text
        tested = [self._test(each) for each in argument]
        return {"Fn::Not": not tested[0], "Fn::And": all(tested), "Fn::Or": any(tested)}[name]

    def _ref(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return _NO_VALUE
        if name in self._values:
            return self._values[name]
        return self._attribute(name, "Ref")

    def _attribute(self, name: str, attribute: str) -> str:
        try:
            return self._attributes[name][attribute]
        except KeyError as missing:
            raise Unresolved(f"{name}.{attribute} has no value in the local stack") from missing

    def _sub(self, argument: Any) -> str:
        text, own = (argument, {}) if isinstance(argument, str) else (argument[0], self.resolve(argument[1]))

        def value(match: re.Match[str]) -> str:
            name, _, attribute = match.group(1).partition(".")
            if name in own:
                return str(own[name])
            return str(self._attribute(name, attribute) if attribute else self._ref(name))

        return re.sub(r"\$\{([^!}][^}]*)\}", value, text)
