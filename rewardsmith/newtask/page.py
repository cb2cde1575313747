"""The YAML of a drafted task file, with a comment at all that was measured, guessed, or is left to the person."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator

from torch import Tensor

from rewardsmith import yamlfile
from rewardsmith.newtask.entries import Entry
from rewardsmith.newtask.survey import PLAYED, Survey
from rewardsmith.newtask.timing import Stated
from rewardsmith.taskfile import TO_DO

WIDTH = 120
MOST_RANGES = 64
"""A vector with more numbers is described by one range over all of them."""

_TOGETHER = "\N{NO-BREAK SPACE}"
_GOAL = "Say to a stranger what the body is, what it should do, how long an attempt lasts and what counts as good."

_HEAD = """\
Task file for {env_id}, drafted by `rewardsmith new-task`. It is yours now: fill in goal and fitness (TODO), rename \
signals, cut vectors into parts that mean something, delete what a reward should not read, and say in each doc what \
the signal means, since whoever writes the reward knows only name, shape, unit and doc. \
"seen" is the range under random actions: {envs} environments, up to {steps} steps each."""

_SCORES = "left out, since they are the environment's own scores and counts; fitness and success may read them"

_FITNESS = """\
How an episode is scored; higher is better. Only this decides which reward wins, and neither a model nor reward code \
ever sees the expression. Write an expression over obs, info, action, reward or signals, e.g. {example}."""

_SUCCESS = """\
When an episode counts as solved, if it can be said; e.g.
success:
  of: {measure}
  reduce: any
  doc: whether it ever was"""

_TRAIN = "Settings of the training, if those for most tasks do not fit: locomotion, manipulation or classic."


def write(found: Survey, entries: Iterable[Entry], *, name: str) -> str:
    """The whole file."""
    entries = list(entries)
    parts = (_header(found, name), _signals(entries), _measures(found, entries))
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def _header(found: Survey, name: str) -> Iterator[str]:
    yield from _comment(_HEAD.format(env_id=found.env.id, envs=PLAYED, steps=found.steps))
    yield from ("", f"name: {_scalar(name)}", "goal: >")
    yield from textwrap.wrap(f"{TO_DO}. {_GOAL}", WIDTH, initial_indent="  ", subsequent_indent="  ")
    yield from ("", "env:", f"  backend: {found.env.backend}", f"  id: {_scalar(found.env.id)}")
    if found.env.options:
        yield "  options:"
        yield from (f"    {_scalar(name)}: {_value(value)}" for name, value in found.env.options.items())
    yield _stated("episode_steps", found.episode_steps)
    yield _stated("control_dt_s", found.control_dt_s)


def _signals(entries: Iterable[Entry]) -> Iterator[str]:
    yield "signals:"
    scores = [entry for entry in entries if entry.its_own_score]
    yield from (line for entry in entries if not entry.its_own_score for line in _signal(entry))
    if scores:
        yield f"  # {_SCORES}:"
        yield from (f"  # {entry.source}, seen {_range(entry.seen)}" for entry in scores)


def _measures(found: Survey, entries: list[Entry]) -> Iterator[str]:
    kept = [entry for entry in entries if not entry.left_out]
    example = next((e.name for e in kept if not e.shape), f"norm({kept[0].name})")
    success = next((e.source for e in entries if e.source in ("info.success", "info.is_success")), None)
    yield from _comment(_FITNESS.format(example=example))
    yield from ("fitness:", f"  of: {TO_DO}", "  reduce: mean    # or sum, final, max, min, any")
    yield from ('  unit: "1"       # unit?', f"  doc: {TO_DO} say what it measures", "")
    yield from (*_comment(_SUCCESS.format(measure=success or f"{example} > 0.5")), "", "references:")
    yield f"  expert: reward    # the environment's own, only to compare with; seen {_range(found.reward)} a step"
    yield from ("", *_comment(_TRAIN), "train:", "  preset: default")


def _signal(entry: Entry) -> list[str]:
    lines = [f"  {line}" for line in _declared(entry)]
    if not entry.left_out:
        return lines
    return [f"  # left out, since {entry.left_out}:", *(f"  # {line[2:]}" for line in lines)]


def _declared(entry: Entry) -> Iterator[str]:
    yield f"{entry.name}:"
    yield f"  source: {_scalar(entry.source)}"
    if entry.shape:
        yield f"  shape: {list(entry.shape)}"
    yield f"  unit: {_scalar(entry.unit)}" if entry.unit else '  unit: "1"    # unit?'
    yield from _doc(entry.doc or f"{TO_DO} say what it is, in words")
    notes = [*_seen(entry), *([entry.hint] if entry.hint else [])]
    wrapped = (line for note in notes for line in textwrap.wrap(note, WIDTH - 8))
    yield from (f"  # {line}".replace(_TOGETHER, " ") for line in wrapped)


def _doc(text: str) -> list[str]:
    """The doc, folded where it is long."""
    scalar = _scalar(text)
    if len(scalar) < WIDTH - 14:
        return [f"  doc: {scalar}"]
    return ["  doc: >", *(f"    {line}" for line in textwrap.wrap(text, WIDTH - 8))]


def _seen(entry: Entry) -> Iterator[str]:
    if not entry.shape:
        yield f"seen {_range(entry.seen)}"
        return
    columns = entry.seen.flatten(1).unbind(1) if len(entry.seen) else ()
    if len(entry.shape) > 1 or len(columns) > MOST_RANGES:
        yield f"seen {_range(entry.seen)}, over {len(columns)} numbers"
        still = [entry.first + i for i, column in enumerate(columns) if (column == column[0]).all()]
        if still and not entry.left_out:
            yield f"of these never changed: {_counted(still)}"
    elif columns:
        told = (f"[{place}] {_range(column)}" for place, column in enumerate(columns, entry.first))
        yield "seen " + "; ".join(one.replace(" ", _TOGETHER) for one in told)


def _range(values: Tensor) -> str:
    known = values[values.isfinite()]
    if not known.numel():
        return "no finite number"
    low, high = float(known.min()) + 0.0, float(known.max()) + 0.0  # no -0
    told = f"{low:.4g}" if low == high else f"{low:.4g} to {high:.4g}"
    return told if known.numel() == values.numel() else f"{told}, and numbers that are not finite"


def _counted(places: list[int]) -> str:
    """`[3, 4, 5, 9]` -> `3 to 5, 9`."""
    runs: list[list[int]] = []
    for place in places:
        if runs and place == runs[-1][-1] + 1:
            runs[-1].append(place)
        else:
            runs.append([place])
    return ", ".join(f"{r[0]}" if len(r) == 1 else f"{r[0]} to {r[-1]}" for r in runs)


def _stated(key: str, stated: Stated) -> str:
    note = f"GUESS, since {stated.why}; set it right" if stated.guessed else stated.why
    return f"{key}: {stated.value:g}    # {note}"


def _comment(text: str) -> list[str]:
    return [f"# {line}" for part in text.splitlines() for line in textwrap.wrap(part, WIDTH - 2)]


def _value(value: object) -> str:
    return _scalar(value) if isinstance(value, str) else yamlfile.quoted(value)


def _scalar(text: str) -> str:
    """As it is where YAML reads it so, else in quotes."""
    try:
        plain = yamlfile.scalar(text) == text and "\n" not in text
    except ValueError:
        plain = False
    return text if plain and not text.startswith(("@", "`")) else yamlfile.quoted(text)
