"""YAML files that know their lines: what task, method, preset and config files are read with.

A fault becomes one `ConfigError`, `path:line: what is wrong`, with what is known and the closest word. What the keys
mean is said by the pydantic models of `taskfile.py` and `config.py`; nothing here knows a task or a setting.

Scalars follow YAML 1.2: `1e6` is a number, `on` and `no` are words, and dates stay text.
"""

from __future__ import annotations

import difflib
import json
import re
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from rewardsmith.errors import ConfigError, did_you_mean

Place = tuple[str | int, ...]
"""Where in a document: keys and list positions from the top, e.g. `("signals", "height", "unit")`."""

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, kw_only=True, slots=True)
class Document:
    """A file's mapping and the line of each of its keys and list items (from 1)."""

    path: str
    values: Mapping[str, object]
    lines: Mapping[Place, int]

    def at(self, place: Place) -> str:
        """`path:line` of a key, or of the closest one above it that the file has."""
        while place and place not in self.lines:
            place = place[:-1]
        return f"{self.path}:{self.lines.get(place, 1)}"

    def read_as(self, model: type[Model]) -> Model:
        """The values as `model`.

        Raises: ConfigError: one line a fault, in the order of the file.
        """
        return check(model, self.values, at=self.at)


Problem = tuple[Place, str]
"""Something wrong and where; see `complain`."""


def load(path: Path) -> Document:
    """Read a file whose top level is a mapping.

    Raises: ConfigError: no such file, not UTF-8, not YAML, not a mapping, or a key twice.
    """
    return parse(_text(path), path=str(path))


def parse(text: str, *, path: str) -> Document:
    """Read a document from its text; `path` is for messages.

    Raises: ConfigError: as `load`.
    """
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        values = loader.construct_document(node) if isinstance(node, yaml.MappingNode) else {}
    except yaml.MarkedYAMLError as fault:
        line = fault.problem_mark.line + 1 if fault.problem_mark else 1
        raise ConfigError(
            f"{path}:{line}: not valid YAML: {fault.problem}. "
            "Indent with spaces; quote text that holds ': ' or ' #', that begins with a bracket, or that stands in "
            "[...] or {...} and has brackets or commas of its own."
        ) from fault
    except _Misfit as fault:
        raise ConfigError(f"{path}:{fault.line}: not valid YAML: {fault}.") from fault
    except (yaml.YAMLError, ValueError, OverflowError) as fault:  # the latter two: "\\UFFFFFFFF" is no character
        raise ConfigError(f"{path}: not valid YAML: {str(fault).splitlines()[0]}.") from fault
    except RecursionError:
        raise ConfigError(f"{path}: not valid YAML: {_TOO_DEEP}.") from None
    if not isinstance(node, yaml.MappingNode):
        raise ConfigError(f"{path}: expected keys and values, e.g. 'name: ...', at the top; got {_kind(node)}.")
    return Document(path=path, values=values, lines=dict(_marks(node, (), path, set())))


def scalar(text: str) -> object:
    """The value that `text` has in a YAML file, e.g. 3, 1e6, true, [64, 64] or a word.

    Raises: ValueError: it has none; the message says why.
    """
    try:
        return yaml.load(text, Loader=_Loader)
    except (yaml.YAMLError, ValueError, OverflowError) as fault:
        raise ValueError(f"not a YAML value: {str(fault).splitlines()[0]}") from fault
    except RecursionError:
        raise ValueError(f"not a YAML value: {_TOO_DEEP}") from None


def quoted(value: object) -> str:
    """Plain data as YAML on one line, text in quotes, of characters that can be printed; `scalar` reads it back."""
    text = json.dumps(value, ensure_ascii=False)
    return "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in text)


def check(model: type[Model], values: Mapping[str, object], *, at: Callable[[Place], str]) -> Model:
    """`values` as `model`; `at` says where a place stands, for messages.

    Raises: ConfigError: one line a fault, in the order of the file.
    """
    try:
        return model.model_validate(values)
    except ValidationError as fault:
        raise complain([(error["loc"], _say(error, model)) for error in fault.errors()], at=at) from fault


def complain(problems: Iterable[Problem], *, at: Callable[[Place], str]) -> ConfigError:
    """One error for all problems, one line each, in the order of the file."""
    told = [f"{at(place)}: {message}" for place, message in problems]
    return ConfigError("\n".join(sorted(dict.fromkeys(told), key=_by_line)))


def locate(name: str | Path, *, kind: str, folder: Path) -> Path:
    """The file that a person means: a path as it is, a bare word as `<folder>/<word>.yaml`.

    Raises: ConfigError: no such file, or none of that name ships; the message lists those that do.
    """
    if isinstance(name, Path) or name.endswith((".yaml", ".yml")) or "/" in name or "\\" in name:
        return Path(name)
    known = shipped(folder)
    if name not in known:
        close = did_you_mean(name, known)
        raise ConfigError(f"Unknown {kind} '{name}'.{close} Known: {', '.join(known)}; or a path to a .yaml file.")
    return folder / f"{name}.yaml"


def shipped(folder: Path) -> tuple[str, ...]:
    """Names of the YAML files in a folder, sorted."""
    return tuple(sorted(path.stem for path in folder.glob("*.yaml")))


# --- reading --------------------------------------------------------------------------------------------------------


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        close = did_you_mean(path.name, [p.name for p in path.parent.glob("*.y*ml")])
        raise ConfigError(f"{path}: no such file.{close}") from None
    except UnicodeDecodeError as fault:
        raise ConfigError(f"{path}: not UTF-8 text ({fault.reason} at byte {fault.start}).") from fault
    except OSError as fault:
        raise ConfigError(f"{path}: cannot be read: {fault.strerror}.") from fault


_TOO_DEEP = "it is nested too deeply"


class _Misfit(ValueError):
    """A value that its tag does not fit, e.g. `!!int x`; `line` is where it stands."""

    def __init__(self, node: yaml.Node) -> None:
        tag = node.tag.replace("tag:yaml.org,2002:", "!!")
        super().__init__(f"{_short(node.value)} does not fit its tag {tag}")
        self.line = node.start_mark.line + 1


class _Loader(yaml.SafeLoader):
    """Scalars as in YAML 1.2's core schema."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - PyYAML's own name

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except _Misfit:
            raise
        except (ValueError, LookupError, AttributeError, TypeError) as fault:  # PyYAML looks no closer
            raise _Misfit(node) from fault


for _tag, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?(0|[1-9][0-9_]*)", list("-+0123456789")),
    ("float", r"[-+]?(?=.*[.eE])(\.[0-9]+|[0-9][0-9_]*(\.[0-9_]*)?)([eE][-+]?[0-9]+)?", list("-+.0123456789")),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), _first)


def _marks(node: yaml.Node, place: Place, path: str, seen: set[int]) -> Iterable[tuple[Place, int]]:
    """Every place and its line; what an alias repeats is marked where it first stands."""
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.MappingNode):
        first: dict[str, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            name = _key(key, first, at=f"{path}:{line}")
            first[name] = line
            yield (*place, name), line
            yield from _marks(value, (*place, name), path, seen)
    elif isinstance(node, yaml.SequenceNode):
        for position, item in enumerate(node.value):
            yield (*place, position), item.start_mark.line + 1
            yield from _marks(item, (*place, position), path, seen)


def _key(node: yaml.Node, before: Mapping[str, int], *, at: str) -> str:
    if not isinstance(node, yaml.ScalarNode) or node.tag != "tag:yaml.org,2002:str":
        raise ConfigError(f"{at}: a key must be a word; got '{getattr(node, 'value', '')}'. Quote it if it is meant.")
    name = str(node.value)
    if name in before:
        raise ConfigError(f"{at}: key '{name}' stands twice, first in line {before[name]}. Keep one.")
    return name


def _kind(node: yaml.Node | None) -> str:
    names = {yaml.SequenceNode: "a list", yaml.ScalarNode: "plain text"}
    return "an empty file" if node is None else names.get(type(node), "something else")


# --- saying what is wrong -------------------------------------------------------------------------------------------


def _say(error: ErrorDetails, model: type[BaseModel]) -> str:
    place = error["loc"]
    match error["type"]:
        case "extra_forbidden":
            known = ", ".join(_keys(model, place[:-1]))
            return f"unknown key '{place[-1]}'{_within(place)}.{_suggest(place, model)} Known: {known}."
        case "missing":
            return f"missing key '{place[-1]}'{_within(place)}{_described(model, place)}."
        case "value_error":
            return f"{_dotted(place)}{error['msg'].removeprefix('Value error, ')}"
        case "model_type" | "dict_type":
            return f"{_dotted(place)}should hold keys: {', '.join(_keys(model, place))}; got {_short(error['input'])}."
    should = _in_words(error["msg"])
    close = did_you_mean(str(error["input"]), re.findall(r"'([^']+)'", should))
    return f"{_dotted(place)}{should}; got {_short(error['input'])}.{close}"


# What pydantic says of Python's types, in a YAML file's terms.
_WORDS = {
    r"^\w+ should": "should",
    "a valid tuple": "a list",
    "a valid dictionary": "keys and values",
    "a valid string": "text",
    "a valid integer": "a whole number",
    "a valid number": "a number",
    "a valid boolean": "true or false",
    ", unable to parse string as .*": "",
    " after validation": "",
}


def _in_words(message: str) -> str:
    for pattern, words in _WORDS.items():
        message = re.sub(pattern, words, message)
    return message


def _within(place: Place) -> str:
    return f" in '{'.'.join(map(str, place[:-1]))}'" if len(place) > 1 else ""


def _dotted(place: Place) -> str:
    return f"'{'.'.join(map(str, place))}' " if place else ""


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _described(model: type[BaseModel], place: Place) -> str:
    parent = _model_at(model, place[:-1])
    field = parent.model_fields.get(str(place[-1])) if parent else None
    return f": {field.description}" if field and field.description else ""


def _suggest(place: Place, model: type[BaseModel]) -> str:
    """The same key where it belongs, or the closest one beside it, or the closest elsewhere; always the full path."""
    prefix = ".".join(map(str, place[:-1]))
    beside = {key: [f"{prefix}.{key}" if prefix else key] for key in _keys(model, place[:-1])}
    elsewhere: dict[str, list[str]] = {}
    for path in _paths(model, ""):
        elsewhere.setdefault(path.rpartition(".")[2], []).append(path)
    for known, cutoff in ((elsewhere, 1.0), (beside, 0.6), (elsewhere, 0.8)):
        close = difflib.get_close_matches(str(place[-1]), known, n=1, cutoff=cutoff)
        if close:
            return f" Did you mean {' or '.join(repr(path) for path in known[close[0]])}?"
    return ""


def _keys(model: type[BaseModel], place: Place) -> list[str]:
    found = _model_at(model, place)
    return list(found.model_fields) if found else []


def _paths(model: type[BaseModel], prefix: str) -> Iterable[str]:
    for name, field in model.model_fields.items():
        yield f"{prefix}{name}"
        inner = _inner_model(field.annotation)
        if inner and not _is_mapping(field.annotation):
            yield from _paths(inner, f"{prefix}{name}.")


def _model_at(model: type[BaseModel], place: Place) -> type[BaseModel] | None:
    """The model that describes what stands at a place; a mapping's own names are stepped over."""
    if not place:
        return model
    field = model.model_fields.get(str(place[0]))
    inner = _inner_model(field.annotation) if field else None
    if field is None or inner is None:
        return None
    steps = 2 if _is_mapping(field.annotation) else 1
    return _model_at(inner, place[steps:])


def _inner_model(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in typing.get_args(annotation) if (found := _inner_model(part))), None)


def _is_mapping(annotation: object) -> bool:
    return typing.get_origin(annotation) in (dict, Mapping)


def _by_line(told: str) -> int:
    line = re.search(r":(\d+): ", told)
    return int(line[1]) if line else 0
