"""CloudFormation's functions, as far as the template uses them."""

from pathlib import Path
from typing import Any

import pytest

from local.intrinsics import Resolver, Unresolved, read_yaml

DOCUMENT: dict[str, Any] = {
    "Parameters": {"Stage": {"Type": "String", "Default": "dev"}, "Names": {"Type": "String"}},
    "Conditions": {
        "IsProd": {"Fn::Equals": [{"Ref": "Stage"}, "prod"]},
        "IsDev": {"Fn::Not": [{"Condition": "IsProd"}]},
        "Both": {"Fn::And": [{"Condition": "IsProd"}, {"Condition": "IsDev"}]},
        "Either": {"Fn::Or": [{"Condition": "IsProd"}, {"Condition": "IsDev"}]},
    },
}
RESOLVER = Resolver(DOCUMENT, {"Names": "a,b"}, {"Queue": {"Ref": "http://queue", "Arn": "arn:queue"}})


@pytest.mark.parametrize(
    ("node", "value"),
    [
        ({"Ref": "Stage"}, "dev"),
        ({"Ref": "Names"}, "a,b"),
        ({"Ref": "Queue"}, "http://queue"),
        ({"Ref": "AWS::Region"}, "us-east-1"),
        ({"Fn::GetAtt": ["Queue", "Arn"]}, "arn:queue"),
        ({"Fn::Sub": "${Queue.Arn}/${Stage}/${!kept}"}, "arn:queue/dev/${!kept}"),
        ({"Fn::Sub": ["${own}-${Stage}", {"own": {"Ref": "Names"}}]}, "a,b-dev"),
        ({"Fn::Split": [",", {"Ref": "Names"}]}, ["a", "b"]),
        ({"Fn::Join": ["-", ["x", {"Ref": "Stage"}]]}, "x-dev"),
        ({"Fn::If": ["IsProd", 1, 2]}, 2),
        ({"Fn::If": ["IsDev", 1, 2]}, 1),
        ({"Fn::If": ["Both", 1, 2]}, 2),
        ({"Fn::If": ["Either", 1, 2]}, 1),
        ({"keep": {"Fn::If": ["IsProd", 1, {"Ref": "AWS::NoValue"}]}, "and": 1}, {"and": 1}),
        ([1, {"Ref": "AWS::NoValue"}, [{"Ref": "Stage"}]], [1, ["dev"]]),
        ("plain", "plain"),
    ],
)
def test_functions_are_evaluated(node: Any, value: Any) -> None:
    """Each function gives what CloudFormation would."""
    assert RESOLVER.resolve(node) == value


def test_what_has_no_value_is_an_error() -> None:
    """An unknown reference is an error that names it."""
    for node in ({"Ref": "Nothing"}, {"Fn::GetAtt": ["Queue", "Color"]}, {"Fn::Sub": "${Nothing.Arn}"}):
        with pytest.raises(Unresolved, match="has no value"):
            RESOLVER.resolve(node)


def test_short_and_long_forms_are_the_same(tmp_path: Path) -> None:
    """`!GetAtt A.B` is read as its long form."""
    path = tmp_path / "t.yaml"
    path.write_text("a: !Ref X\nb: !GetAtt A.B\nc: !Sub 'x${Y}'\nd: !If [C, !Ref P, {e: !Split [',', z]}]\n")
    assert read_yaml(path) == {
        "a": {"Ref": "X"},
        "b": {"Fn::GetAtt": ["A", "B"]},
        "c": {"Fn::Sub": "x${Y}"},
        "d": {"Fn::If": ["C", {"Ref": "P"}, {"e": {"Fn::Split": [",", "z"]}}]},
    }
