"""Write the tables of docs/ from the data and the template: `python -m scripts.doc_tables`. A test compares them."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from image_studio.catalog.load import OPERATION_GROUPS, load_catalog
from image_studio.catalog.models import OperationInfo, Option
from image_studio.operations.model_selection import ModelQuery, select_candidates
from image_studio.operations.single_image import REQUEST_FIELDS
from image_studio.providers import SPECS
from image_studio.providers.spec import FreeSize, InputLimits, ModelSpec, ProviderSpec
from image_studio.schemas.limits import Quality
from local.template import ROOT, Template
from scripts.transcripts import markdown_table, with_tables

FILES = (ROOT / "docs/operations.md", ROOT / "docs/parameters.md")

Rows = Iterator[list[str]]


def with_current_tables(text: str) -> str:
    """Return the text with every table rendered from the data. Raises KeyError for an unknown table."""
    return with_tables(text, lambda name: TABLES[name]())


def matrix() -> str:
    """Return operation x provider: the model that `auto` uses, and its credits."""
    return markdown_table(["operation", *(spec.title for spec in SPECS)], _matrix_rows())


def models() -> str:
    """Return every model of every operation: how, which images, how many credits, and its place in the order."""
    head = ["operation", "provider", "model", "how", "takes", "answers", "credits", "order"]
    return markdown_table(head, _model_rows())


def fields() -> str:
    """Return what each operation needs and accepts."""
    head = ["operation", "needs", "also takes", "options"]
    return markdown_table(head, _field_rows())


def parameters() -> str:
    """Return the template's parameters in groups, as CloudFormation's console shows them."""
    return markdown_table(["parameter", "default", "values", "what it does"], _parameter_rows())


TABLES: Mapping[str, Callable[[], str]] = {
    "matrix": matrix,
    "models": models,
    "fields": fields,
    "parameters": parameters,
}


def operations() -> list[str]:
    """Return all operations, as `edit.inpaint`."""
    return [f"{group}.{name}" for group in OPERATION_GROUPS for name in load_catalog().operations[group].operations]


def _matrix_rows() -> Rows:
    for operation in operations():
        yield [f"`{operation}`", *(_cell(operation, spec) for spec in SPECS)]


def _cell(operation: str, spec: ProviderSpec) -> str:
    if not any(model.does(operation) for model in spec.live_models()):
        return "-"
    query = ModelQuery(operation=operation, quality=Quality.STANDARD, provider=spec.name)
    model = select_candidates(query, frozenset({spec.name}))[0].model
    return f"`{model.name}` {_how(operation, model)}, {_credits(model)}"


def _model_rows() -> Rows:
    for operation in operations():
        for spec in SPECS:
            for model in spec.live_models():
                if model.does(operation):
                    yield [
                        f"`{operation}`",
                        spec.name,
                        f"`{model.name}`",
                        _how(operation, model),
                        _takes(model.inputs),
                        _returned_size(model),
                        _credits(model),
                        _order(operation, model),
                    ]


def _how(operation: str, model: ModelSpec) -> str:
    return "native" if operation in model.operations else "emulated"


def _takes(limits: InputLimits | None) -> str:
    if limits is None:
        return "any"
    parts = [f"sides {limits.min_side} to {limits.max_side:,}", f"{_pixels(limits)} MP"]
    if limits.max_aspect:
        parts.append(f"{limits.max_aspect:g}:1")
    return ", ".join(parts)


def _pixels(limits: InputLimits) -> str:
    return f"{limits.max_pixels / 1e6:.2f}".rstrip("0").rstrip(".")


def _returned_size(model: ModelSpec) -> str:
    """Return the size of its own response. Ours has the exact size."""
    if isinstance(model.sizes, FreeSize):
        return f"sides {model.sizes.low} to {model.sizes.high:,}"
    if model.sizes and "target_resolution" in model.accepts:
        return ", ".join(size.label for size in model.sizes)
    if model.sizes:
        classes = dict.fromkeys(size.size_class for size in model.sizes if size.size_class)
        ratios = len(dict.fromkeys(size.label for size in model.sizes))
        return f"{ratios} ratios" + (f", {', '.join(classes)}" if classes else "")
    if model.factor:
        return f"{model.factor:g} times a side"
    return f"up to {model.max_output / 1e6:.1f} MP" if model.max_output else "the image's size"


def _credits(model: ModelSpec) -> str:
    sizes = model.sizes if isinstance(model.sizes, tuple) else ()
    prices = sorted({model.price(size) for size in sizes} or {model.price()})
    return f"{prices[0]}" if len(prices) == 1 else f"{prices[0]} to {prices[-1]}"


def _order(operation: str, model: ModelSpec) -> str:
    """Return its place among all providers' models, by quality. Models without a place are ordered by price."""
    places = model.auto.get(operation, {})
    return ", ".join(f"{quality} {places[quality]}" for quality in Quality if quality in places) or "by price"


def _field_rows() -> Rows:
    for group in OPERATION_GROUPS:
        for name, info in load_catalog().operations[group].operations.items():
            needed = [
                *info.requires,
                *([info.requires_any.of, info.requires_any.suffices] if info.requires_any else []),
            ]
            named = {field for fields in needed for field in fields}
            also = _request_names((field for field in (*info.shows, *info.takes) if field not in named), info)
            yield [
                f"`{group}.{name}`",
                _needs(info) or "-",
                ", ".join(also) or "-",
                ", ".join(f"`{option}` {_range(each)}" for option, each in info.options.items()) or "-",
            ]


def _needs(info: OperationInfo) -> str:
    needs = [" and ".join(_request_names(fields, info)) for fields in info.requires]
    if info.requires_any:
        needs.append(" or ".join(_request_names((*info.requires_any.of, *info.requires_any.suffices), info)))
    return ", ".join(needs)


def _request_names(fields: Iterable[str], info: OperationInfo) -> list[str]:
    """Return the request's names of the fields, each once, without the main image."""
    names = [name for field in fields for name in REQUEST_FIELDS.get(field, (field,)) if field != "control_image"]
    return [f"`options.{name}`" if name in info.options else f"`{name}`" for name in dict.fromkeys(names)]


def _range(option: Option) -> str:
    if option.one_of:
        return " / ".join(option.one_of)
    if option.text:
        return "text"
    default = "" if option.default is None else f" ({option.default:g})"
    return f"{option.low:g} to {option.high:g}{default}"


def _parameter_rows() -> Rows:
    document = Template().document
    for group in document["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]:
        yield [f"**{group['Label']['default']}**", "", "", ""]
        for name in group["Parameters"]:
            each = document["Parameters"][name]
            default = each.get("Default", "")
            yield [
                f"`{name}`",
                f"`{default}`" if default != "" else "empty",
                _values(each),
                each.get("Description", ""),
            ]


def _values(parameter: Mapping[str, Any]) -> str:
    if "AllowedValues" in parameter:
        return ", ".join(map(str, parameter["AllowedValues"]))
    low, high = parameter.get("MinValue", _least(parameter.get("AllowedPattern", ""))), parameter.get("MaxValue")
    if low is None:
        return "text"
    return f"{low} to {high}" if high is not None else f"{low} or more"


def _least(pattern: str) -> int | None:
    """Return the least number that a pattern of whole numbers allows; None for a pattern of text."""
    if not pattern or re.fullmatch(pattern, "a"):
        return None
    return next((number for number in (0, 1) if re.fullmatch(pattern, str(number))), None)


def main() -> None:
    """Write the files."""
    for file in FILES:
        file.write_text(with_current_tables(file.read_text()))


if __name__ == "__main__":
    main()
