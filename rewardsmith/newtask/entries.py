"""From a survey to proposed signals: how observations are cut, what each part is called, and which are left out.

A vector that Gymnasium's documentation describes is cut as its table says; any other stays whole, except where some of
its numbers never changed or were not finite: those are cut out and commented out.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from itertools import groupby

import torch
from torch import Tensor

from rewardsmith import yamlfile
from rewardsmith.newtask import tables
from rewardsmith.newtask.survey import Survey
from rewardsmith.taskfile import TAKEN
from rewardsmith.types import CONTROL_DT, PREVIOUS

ITS_OWN_SCORE = re.compile(
    r"(^|[._])(is_)?(rewards?|rew|success|score|cost|solved|return|terminated|truncated)([._]|$)"
)
COUNTERS = ("elapsed_step",)
MOST_PIECES = 8
"""A vector whose constant numbers would cut it into more pieces is left whole."""
LONGEST_NAME = 40
_OF_INFO = "from info: the policy does not see it"
_AT_RESET = "; reset does not report it, so prev_ of it is 0 at an episode's first step"


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One proposed signal. `unit` and `doc` are None where nothing says; `left_out` says why it is commented out.

    `first` is where it begins in the vector it was cut from; `its_own_score` marks what only measures should read.
    """

    name: str
    source: str
    shape: tuple[int, ...]
    seen: Tensor  # (M, *shape)
    unit: str | None = None
    doc: str | None = None
    hint: str = ""
    left_out: str = ""
    first: int = 0
    its_own_score: bool = False


def propose(found: Survey) -> list[Entry]:
    """Every observation, info field and the action as signals with valid names, each different."""
    entries = [*_observations(found), *_info(found)]
    names = _distinct([entry.name for entry in entries], taken={"action"})
    named = [replace(entry, name=name) for entry, name in zip(entries, names, strict=True)]
    return [*named, _action(found)]


# --- observations ---------------------------------------------------------------------------------------------------


def _observations(found: Survey) -> Iterator[Entry]:
    for key, seen in found.obs.items():
        source, name = _spelled(key), "observation" if key == "obs" else key.removeprefix("obs.")
        if seen.ndim != 2:
            yield _entry(name, source, seen)
            continue
        rows = tables.observation_runs(found.env, size=seen.shape[1]) if key == "obs" else ()
        for run in rows:
            yield _documented(run, source, seen)
        yield from _undocumented(name, source, seen, start=rows[-1].stop if rows else 0)


def _documented(run: tables.Run, source: str, seen: Tensor) -> Entry:
    alone = len(run.texts) == 1
    part = seen[:, run.start] if alone else seen[:, run.start : run.stop]
    where = f"{source}[{run.start}]" if alone else f"{source}[{run.start}:{run.stop}]"
    entry = _entry(_in_common(run.texts), where, part, unit=run.unit, doc="; ".join(run.texts))
    return replace(entry, first=run.start)


def _undocumented(name: str, source: str, seen: Tensor, *, start: int) -> Iterator[Entry]:
    size = seen.shape[1]
    if start == size:
        return
    pieces = list(_pieces(seen, start))
    for first, last in pieces:
        whole = (first, last) == (0, size)
        title = name if whole else f"{name}_{first}" if last == first + 1 else f"{name}_{first}_{last - 1}"
        where = source if whole else f"{source}[{first}:{last}]"
        cut = f"{source}[{first}:{min(first + 3, last - 1)}]"
        hint = f"cut it into what it consists of, e.g. {cut}" if last > first + 1 else ""
        yield replace(_entry(title, where, seen[:, first:last], hint=hint), first=first)


def _pieces(seen: Tensor, start: int) -> Iterator[tuple[int, int]]:
    """Where to cut: between numbers that vary and numbers that do not, and around those that are not finite."""
    state = [_state(seen[:, i]) for i in range(start, seen.shape[1])]
    cuts = list(_runs(state, start))
    if len(cuts) > MOST_PIECES:
        cuts = list(_runs([s if s == "was not finite" else "" for s in state], start))
    yield from cuts


def _runs(state: list[str], start: int) -> Iterator[tuple[int, int]]:
    for _, run in groupby(state):
        stop = start + len(list(run))
        yield start, stop
        start = stop


# --- info fields and the action -------------------------------------------------------------------------------------


def _info(found: Survey) -> Iterator[Entry]:
    for field, seen in found.info.items():
        score = field in COUNTERS or ITS_OWN_SCORE.search(field.lower()) is not None
        entry = _entry(
            field, _spelled(f"info.{field}"), seen, hint=_OF_INFO + _AT_RESET * (field in found.not_at_reset)
        )
        yield (
            replace(entry, left_out="it is the environment's own score or count", its_own_score=True)
            if score
            else entry
        )


def _action(found: Survey) -> Entry:
    size = len(found.action_low)
    texts = tables.action_texts(found.env.id)
    doc = f"{'; '.join(texts)}; {_bounds(found)}" if len(texts) == size else None
    hint = f"commands, {_bounds(found)}"
    return Entry(name="action", source="action", shape=(size,), seen=torch.zeros(0, size), doc=doc, hint=hint)


def _bounds(found: Survey) -> str:
    low, high = found.action_low, found.action_high
    if (low == low[0]).all() and (high == high[0]).all():
        return f"each {low[0]:g} to {high[0]:g}"
    return ", ".join(f"{a:g} to {b:g}" for a, b in zip(low.tolist(), high.tolist(), strict=True))


# --- one entry ------------------------------------------------------------------------------------------------------


def _entry(
    name: str, source: str, seen: Tensor, *, unit: str | None = None, doc: str | None = None, hint: str = ""
) -> Entry:
    state = _state(seen)
    return Entry(
        name=name, source=source, shape=tuple(seen.shape[1:]), seen=seen, unit=unit, doc=doc, hint=hint,
        left_out="" if state == "varies" else f"it {state} over random play",
    )  # fmt: skip


def _state(seen: Tensor) -> str:
    if not torch.isfinite(seen).all():
        return "was not finite"
    return "varies" if (seen != seen[:1]).any() else "never changed"


def _spelled(path: str) -> str:
    """`obs.state` as it is, and `info["my field"]` where a key is no plain word."""
    root, _, key = path.partition(".")
    words = key.split(".")
    plain = all(word.isidentifier() and word.isascii() and not keyword.iskeyword(word) for word in words)
    return path if not key or plain else f"{root}[{key!r}]"


# --- names ----------------------------------------------------------------------------------------------------------

_SMALL = frozenset(
    {"a", "an", "and", "at", "between", "by", "for", "from", "in", "into", "is", "of", "on", "the", "to"}
)


def snake(text: str) -> str:
    """`HandManipulatePen-v1` -> hand_manipulate_pen_v1."""
    split = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", text)
    return "_".join(word for word in re.split(r"[^a-z0-9]+", split.lower()) if word)


def task_name(env_id: str) -> str:
    """A task's name from an environment's id: `MetaWorld/DoorOpen-v3` -> door_open."""
    bare = re.sub(r"-v\d+$", "", re.split("[/:]", env_id)[-1])
    return _valid(bare)


def _in_common(texts: tuple[str, ...]) -> str:
    """The words that all texts share, in the order of the first; all of its words where they share none.

    What stands in brackets and small words do not count.
    """
    words = [[w for w in snake(re.sub(r"\([^()]*\)", " ", t)).split("_") if w not in _SMALL] for t in texts]
    common = [w for w in dict.fromkeys(words[0]) if all(w in other for other in words)]
    return "_".join(common or words[0])


def _distinct(names: list[str], *, taken: Collection[str]) -> list[str]:
    """Valid signal names, each different: numbered where two would be the same."""
    used = set(taken)
    found: list[str] = []
    for name in names:
        plain = _valid(name)
        free = next(n for n in (plain, *(f"{plain}_{i}" for i in range(2, len(names) + 3))) if n not in used)
        used.add(free)
        found.append(free)
    return found


def _valid(name: str) -> str:
    plain = re.sub(f"^({PREVIOUS})+", "", snake(name))[:LONGEST_NAME].strip("_")
    if not re.match("[a-z]", plain):
        plain = f"value_{plain}".strip("_")
    taken = keyword.iskeyword(plain) or plain in TAKEN | {CONTROL_DT} or yamlfile.scalar(plain) != plain
    return f"{plain}_value" if taken else plain
