"""The values of `rewardsmith.types` as JSON and back, for the ledger.

A value becomes `{"type": "Candidate", "id": ..., ...}`, a tuple a list. What JSON cannot hold is handed out: a policy,
or an attempt's trajectories together, become a reference to a file, a traced reward its own checked text. This module
touches no file and no database, and it never repairs: what does not fit is a `RunError` that names the place. Free-form
fields (`Feedback.data`, `EnvSpec.options`) hold plain JSON; tuples inside them come back as lists.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import math
import types as pytypes
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeVar, Union

from rewardsmith import types
from rewardsmith.errors import RunError, did_you_mean
from rewardsmith.types import HumanInput, Policy, Trajectory

if TYPE_CHECKING:
    from rewardsmith.graph import RewardGraph

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]
T = TypeVar("T")


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class PolicyFile:
    """Where a policy's tensors lie: `file` is relative to the run's folder, `sha256` is of the file's bytes."""

    file: str
    sha256: str


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class TrajectoriesFile:
    """Where some trajectories lie together, and how many they are."""

    file: str
    sha256: str
    count: int


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Keepers:
    """Who takes what JSON does not hold; `policy` is also told where in the value it stands, e.g. `...peak.policy`."""

    policy: Callable[[Policy, str], PolicyFile]
    trajectories: Callable[[Sequence[Trajectory]], TrajectoriesFile]


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Readers:
    """How the things that JSON does not hold come back."""

    policy: Callable[[PolicyFile], Policy]
    trajectories: Callable[[TrajectoriesFile], Sequence[Trajectory]]
    graph: Callable[[str], RewardGraph]


def dumps(data: Json) -> str:
    """One line of JSON, the same for equal data. ASCII, so that lone surrogates in a model's reply survive."""
    return json.dumps(data, sort_keys=True, allow_nan=False, separators=(",", ":"))


def loads(text: str) -> Json:
    """The data of a JSON text.

    Raises: RunError: the text is not JSON, or holds NaN or an infinity.
    """
    try:
        return typing.cast("Json", json.loads(text, parse_constant=_refuse_constant))
    except ValueError as error:
        raise RunError(f"Expected JSON, got {text[:40]!r}: {error}.") from error


def encode(value: object, *, keep: Keepers | None = None) -> Json:
    """`value` as JSON data; `keep` is called with each policy and the trajectories, and says which file holds them.

    Raises: RunError: a number is not finite, or a value is of a kind the ledger does not hold.
    """
    return _encode(value, keep, type(value).__name__)


def decode(expected: type[T], data: Json, *, readers: Readers | None = None) -> T:
    """The value of class `expected` that `data` describes.

    A field that `data` lacks takes its default where it has one, so that runs outlive a new field.

    Raises: RunError: another type, a missing or unknown field, or a value that does not fit; the message says where.
    """
    return typing.cast("T", _decode(expected, data, readers, expected.__name__))


def decode_trajectories(data: Json, *, readers: Readers) -> Sequence[Trajectory]:
    """Trajectories that `encode` was given by themselves. Raises: RunError."""
    return _decode_trajectories(data, readers, "Trajectories")


def decode_human(data: Json) -> HumanInput:
    """What a person said: a `Note`, `Preference` or `Mark`, told apart by its type. Raises: RunError."""
    return typing.cast("HumanInput", _decode(HumanInput, data, None, "HumanInput"))


# --- out ------------------------------------------------------------------------------------------------------------


def _encode(value: object, keep: Keepers | None, where: str) -> Json:
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return _finite(value, where)
        case Policy():
            return _encode_policy(value, keep, where)
        case Sequence() if value and isinstance(value[0], Trajectory):
            return _encode_trajectories(value, keep, where)
        case tuple() | list():
            return [_encode(v, keep, f"{where}[{i}]") for i, v in enumerate(value)]
        case Mapping():
            return {_key(k, where): _encode(v, keep, f"{where}.{k}") for k, v in value.items()}
    if type(value).__name__ == "RewardGraph":
        return {"type": "RewardGraph", "text": typing.cast("RewardGraph", value).to_json()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {f.name: _encode(getattr(value, f.name), keep, f"{where}.{f.name}") for f in dataclasses.fields(value)}
        return {"type": type(value).__name__, **fields}
    raise RunError(f"{where} is of type {type(value).__name__}, which the ledger cannot hold. Use plain JSON values.")


def _encode_policy(policy: Policy, keep: Keepers | None, where: str) -> Json:
    if keep is None:
        raise RunError(f"{where} holds a policy, and no place to keep it was given.")
    kept = keep.policy(policy, where)
    return {"type": "Policy", "file": kept.file, "sha256": kept.sha256}


def _encode_trajectories(trajectories: Sequence[Trajectory], keep: Keepers | None, where: str) -> Json:
    if keep is None:
        raise RunError(f"{where} holds trajectories, and no place to keep them was given.")
    kept = keep.trajectories(trajectories)
    return {"type": "Trajectories", "file": kept.file, "sha256": kept.sha256, "count": kept.count}


def _finite(number: float, where: str) -> float:
    if not math.isfinite(number):
        raise RunError(f"{where} is {number}; the ledger holds finite numbers only. A failure is a Rejected.")
    return number


def _key(key: object, where: str) -> str:
    if not isinstance(key, str):
        raise RunError(f"{where} has the key {key!r} of type {type(key).__name__}; expected text.")
    return key


class _TracedReward:
    """Stands for `graph.RewardGraph` in a field's type, so that reading a ledger without one imports no torch."""


# --- in -------------------------------------------------------------------------------------------------------------


def _decode(expected: Any, data: Json, readers: Readers | None, where: str) -> object:
    origin = typing.get_origin(expected)
    if origin in (Union, pytypes.UnionType):
        return _decode_union(typing.get_args(expected), data, readers, where)
    if origin is Literal:
        return _decode_literal(typing.get_args(expected), data, where)
    if origin is tuple:
        return _decode_tuple(typing.get_args(expected), data, readers, where)
    if origin is Mapping:
        return _of(dict, data, where)
    if expected == Sequence[Trajectory]:
        return _decode_trajectories(data, readers, where)
    if expected is Policy:
        return _decode_policy(data, readers, where)
    if expected is _TracedReward:
        return _decode_graph(data, readers, where)
    if dataclasses.is_dataclass(expected):
        return _decode_dataclass(typing.cast("type", expected), data, readers, where)
    return _decode_plain(expected, data, where)


def _decode_dataclass(expected: type, data: Json, readers: Readers | None, where: str) -> object:
    given = _tagged(data, (expected,), where)
    hints = _hints(expected)
    _refuse_unknown(given, hints, where)
    _refuse_missing(given, expected, where)
    return expected(
        **{
            name: _decode(hint, given[name], readers, f"{where}.{name}")
            for name, hint in hints.items()
            if name in given
        }
    )


def _decode_union(members: tuple[Any, ...], data: Json, readers: Readers | None, where: str) -> object:
    """A sum type is told apart by its tag; `X | None` by null."""
    if data is None and pytypes.NoneType in members:
        return None
    solid = tuple(m for m in members if m is not pytypes.NoneType)
    if len(solid) == 1:
        return _decode(solid[0], data, readers, where)
    tag = _tagged(data, solid, where)["type"]
    return _decode(next(m for m in solid if m.__name__ == tag), data, readers, where)


def _decode_tuple(args: tuple[Any, ...], data: Json, readers: Readers | None, where: str) -> tuple[object, ...]:
    items: list[Json] = _of(list, data, where)
    kinds = args[:1] * len(items) if args[-1] is Ellipsis else args
    if len(kinds) != len(items):
        raise RunError(f"{where} has {len(items)} items; expected {len(kinds)}.")
    return tuple(_decode(k, v, readers, f"{where}[{i}]") for i, (k, v) in enumerate(zip(kinds, items, strict=True)))


def _decode_literal(allowed: tuple[Any, ...], data: Json, where: str) -> object:
    if data not in allowed:
        raise RunError(f"{where} is {data!r}; expected one of {', '.join(map(repr, allowed))}.")
    return data


def _decode_policy(data: Json, readers: Readers | None, where: str) -> Policy:
    given = _tagged(data, (Policy,), where)
    if readers is None:
        raise RunError(f"{where} is a policy, and no way to read it was given.")
    return readers.policy(PolicyFile(file=_text(given, "file", where), sha256=_text(given, "sha256", where)))


def _decode_trajectories(data: Json, readers: Readers | None, where: str) -> Sequence[Trajectory]:
    if data == []:
        return ()
    given = _of(dict, data, where)
    if given.get("type") != "Trajectories":
        raise RunError(f"{where} has the unknown type {given.get('type')!r}; expected Trajectories.")
    if readers is None:
        raise RunError(f"{where} holds trajectories, and no way to read them was given.")
    count = _of(int, given.get("count"), f"{where}.count")
    return readers.trajectories(
        TrajectoriesFile(file=_text(given, "file", where), sha256=_text(given, "sha256", where), count=count)
    )


def _decode_graph(data: Json, readers: Readers | None, where: str) -> RewardGraph:
    given = _of(dict, data, where)
    if given.get("type") != "RewardGraph":
        raise RunError(f"{where} has the unknown type {given.get('type')!r}; expected RewardGraph.")
    if readers is None:
        raise RunError(f"{where} is a traced reward, and no way to check it was given.")
    return readers.graph(_text(given, "text", where))


def _decode_plain(expected: type, data: Json, where: str) -> object:
    if expected is float and isinstance(data, int) and not isinstance(data, bool):
        return float(data)
    if expected is int and isinstance(data, bool):
        raise RunError(f"{where} is {data}; expected a whole number.")
    return _of(expected, data, where)


def _of(expected: type, data: Json, where: str) -> Any:
    if not isinstance(data, expected):
        raise RunError(f"{where} is {str(data)[:40]!r} ({type(data).__name__}); expected {expected.__name__}.")
    return data


def _text(given: Mapping[str, Json], field: str, where: str) -> str:
    return str(_of(str, given.get(field), f"{where}.{field}"))


def _tagged(data: Json, expected: tuple[type, ...], where: str) -> dict[str, Json]:
    given: dict[str, Json] = _of(dict, data, where)
    names = [e.__name__ for e in expected]
    if given.get("type") not in names:
        raise RunError(f"{where} has the unknown type {given.get('type')!r}; expected {' or '.join(names)}.")
    return given


def _refuse_unknown(given: Mapping[str, Json], hints: Mapping[str, Any], where: str) -> None:
    for name in given:
        if name != "type" and name not in hints:
            raise RunError(
                f"{where} has the unknown field {name!r}.{did_you_mean(name, hints)} Known: {', '.join(hints)}."
            )


def _refuse_missing(given: Mapping[str, Json], expected: type, where: str) -> None:
    for f in dataclasses.fields(expected):
        optional = f.default is not dataclasses.MISSING or f.default_factory is not dataclasses.MISSING
        if f.name not in given and not optional:
            raise RunError(f"{where} lacks the field {f.name!r} of {expected.__name__}.")


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


@functools.cache
def _hints(expected: type) -> dict[str, Any]:
    """Field types by name. `rewardsmith.types` names two heavy classes for type checkers alone: resolved here."""
    names = vars(types) | {"RewardGraph": _TracedReward, "Tensor": object}
    hints = typing.get_type_hints(expected, globalns=names)
    return {f.name: hints[f.name] for f in dataclasses.fields(expected)}
