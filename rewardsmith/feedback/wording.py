"""Numbers, names and rows as feedback shows them: short, with units, and safe where a candidate chose the words."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from torch import Tensor

from rewardsmith.quoting import one_line
from rewardsmith.types import Signal

NAME_LIMIT = 48
WITHOUT_EXPONENT = 1e7
NEGLIGIBLE = 1e-3
SHOWN_WHOLE = 4  # a longer vector is shown by its norm and range


def g(value: float, *, digits: int = 3) -> str:
    """`value` in so many significant digits, without an exponent below ten million; what is not finite is called so."""
    if not math.isfinite(value):
        return "not finite"
    short = f"{value:.{digits}g}"
    if "e+" in short and abs(value) < WITHOUT_EXPONENT:
        return f"{float(short):.0f}"
    return short if value else "0"


def label(name: str) -> str:
    """A component's name is the candidate's own word, so it is made safe to show."""
    return one_line(name, limit=NAME_LIMIT).replace("`", "'")


def named(names: Iterable[str]) -> str:
    """`` `near`, `effort` ``."""
    return ", ".join(f"`{label(name)}`" for name in names)


def vector(values: Tensor, *, size: float = 0.0) -> str:
    """The numbers of one signal at one step; a long vector as its norm and range.

    Beside a signal that gets as large as `size`, numbers under a thousandth of it are 0.
    """
    flat = [float(v) for v in values.reshape(-1)]
    if len(flat) <= SHOWN_WHOLE:
        return " ".join(g(0.0 if abs(v) < NEGLIGIBLE * size else v) for v in flat)
    norm = math.sqrt(math.fsum(v * v for v in flat))
    return f"norm {g(norm)} (entries {g(min(flat))} to {g(max(flat))})"


def title(signal: Signal) -> str:
    """`torso_height [m]`."""
    return f"{signal.name}{in_unit(signal.unit, brackets=True)}"


def in_unit(unit: str, *, brackets: bool = False) -> str:
    """The unit behind a number or, in brackets, behind a name; nothing for a plain number."""
    if unit in ("", "1"):
        return ""
    return f" [{unit}]" if brackets else f" {unit}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Rows of cells in Markdown's way, without padding: a model needs none and pays for each."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def plain(value: float) -> float | None:
    """The number for a ledger; None where it is not finite, which JSON has no word for."""
    return value if math.isfinite(value) else None
