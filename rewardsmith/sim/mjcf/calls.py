"""Calling the functions of a task's own file: what each is given, what it must give back, and whether rows stay apart.

Whatever is wrong is one `ConfigError` that names the function and its line. Types and shapes are looked at in every
call; that row i depends on row i alone is tried when the first frames are told, since it takes further calls.
"""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch
from torch import Tensor

from rewardsmith.errors import ConfigError
from rewardsmith.sim.faults import said
from rewardsmith.sim.mjcf.declared import refused
from rewardsmith.sources import Source, SourceError, View
from rewardsmith.types import Task

TRIED: Final = 2
"""In so many first frames functions are tried alone, too: environments may begin alike, but do not go on so."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Callee:
    """A function of the file that `env.code` names; an error in it is one line with its place."""

    task: Task
    file: str
    name: str
    function: Callable[..., object]

    def __call__(self, *given: object, **named: object) -> object:
        try:
            return self.function(*given, **named)
        except Exception as fault:
            raise self.refused(f": {said(fault)}", line=line_of(fault, self.file)) from fault

    def refused(self, message: str, *, line: int | None = None) -> ConfigError:
        """An error about this function, at the line where it begins if no other is known."""
        first = getattr(inspect.unwrap(self.function), "__code__", None)
        at = line or (first.co_firstlineno if first else None)
        where = f"{Path(self.file).name}{f', line {at}' if at else ''}"
        return refused(self.task, f"{self.name}() in env.code{message.removesuffix('.')} ({where}).")

    def tensor(self, found: object, expected: Sequence[int | None], *, device: torch.device, what: str = "") -> Tensor:
        """`found` if it is a tensor of this shape; None, the last, is any more axes. `what` it is of several."""
        shape = ", ".join("..." if size is None else str(size) for size in expected)
        wanted = f"expected{what} a tensor of shape [{shape}], a row for each environment"
        if not isinstance(found, Tensor):
            raise self.refused(f" returned{what} {_kind(found)}; {wanted}.")
        fixed = [size for size in expected if size is not None]
        if list(found.shape)[: len(fixed) if None in expected else None] != fixed:
            raise self.refused(f" returned{what} a tensor of shape {list(found.shape)}; {wanted}.")
        if found.device != device:
            raise self.refused(
                f" returned{what} a tensor on {found.device}, the environments are on {device}. Make new tensors with "
                "device=x.device, x being an argument."
            )
        return found


@dataclass(frozen=True, kw_only=True, slots=True)
class Function:
    """A function of signals, and the source of each of its arguments; `shape` of an environment, None for any."""

    call: Callee
    arguments: Mapping[str, Source]
    shape: tuple[int, ...] | None = None

    def value(self, view: View) -> Tensor:
        """What it says of every row, float32 `(N, *shape)`."""
        return self._of(self._given(view), view.batch[0], view.action.device)

    def tried(self, view: View) -> Tensor:
        """The same; rows at both ends are tried alone, too.

        Raises: ConfigError: it mixes environments, draws numbers of its own, or changes an argument.
        """
        given, rows, device = self._given(view), view.batch[0], view.action.device
        kept = {name: x.clone() for name, x in given.items()}
        found = self._of(given, rows, device)
        for name, x in given.items():
            if not _same(x, kept[name]):
                raise self.call.refused(f" changes its argument '{name}' in place. Make a new tensor of it.")
        for i in {0, rows - 1}:
            with _alone():
                alone = self._of({name: x[i : i + 1].clone() for name, x in kept.items()}, 1, device)
            if not _same(alone[0], found[i]):
                raise self.call.refused(MIXES)
        return found

    def _given(self, view: View) -> dict[str, Tensor]:
        given = {}
        for name, source in self.arguments.items():
            try:
                given[name] = source.read(view)
            except SourceError as fault:
                raise self.call.refused(
                    f" asks for '{name}': {fault.message.rstrip('.')}; in '{source.text}'."
                ) from fault
        return given

    def _of(self, given: Mapping[str, Tensor], rows: int, device: torch.device) -> Tensor:
        expected = (rows, None) if self.shape is None else (rows, *self.shape)
        return self.call.tensor(self.call(**given), expected, device=device).float()


@dataclass(frozen=True, kw_only=True, slots=True)
class Reset:
    """The function that says where episodes begin; it is given those of `GIVEN` that it asks for."""

    call: Callee
    asks: tuple[str, ...]

    def starts(self, qpos: Tensor, qvel: Tensor, uniform: Tensor) -> tuple[Tensor, Tensor]:
        """Positions `(S, nq)` and velocities `(S, nv)` as declared, and uniform numbers, to those to begin with."""
        given = dict(zip(GIVEN, (qpos.clone(), qvel.clone(), uniform), strict=True))
        found = self.call(**{name: given[name] for name in self.asks})
        if not isinstance(found, tuple | list) or len(found) != 2:
            raise self.call.refused(f" returned {_kind(found)}; expected both, qpos and qvel: return qpos, qvel.")
        return (
            self.call.tensor(found[0], qpos.shape, device=qpos.device, what=" as qpos, the first,"),
            self.call.tensor(found[1], qvel.shape, device=qvel.device, what=" as qvel, the second,"),
        )

    def tried(self, qpos: Tensor, qvel: Tensor, uniform: Tensor) -> tuple[Tensor, Tensor]:
        """The same; rows at both ends are tried alone, too.

        Raises: ConfigError: it mixes episodes, draws numbers of its own, or gives numbers that are not finite.
        """
        found = self.starts(qpos, qvel, uniform.clone())
        if not all(x.isfinite().all() for x in found):
            raise self.call.refused(" returned numbers that are not finite.")
        for i in {0, len(qpos) - 1}:
            with _alone():
                alone = self.starts(*(x[i : i + 1] for x in (qpos, qvel, uniform)))
            if not all(_same(a[0], b[i]) for a, b in zip(alone, found, strict=True)):
                raise self.call.refused(MIXES)
        return found


GIVEN: Final = ("qpos", "qvel", "uniform")
"""What `reset` may ask for, by these names."""
MIXES: Final = (
    " mixes environments, or draws numbers of its own: what it says of one must follow from that one's own row, and be "
    "the same each time."
)


def line_of(fault: BaseException, file: str) -> int | None:
    """The line of `file` where an error came from, be it raised there or in what was called there."""
    lines = [frame.lineno for frame in traceback.extract_tb(fault.__traceback__) if frame.filename == file]
    return lines[-1] if lines else None


def _kind(found: object) -> str:
    """What kind of thing it is, e.g. a numpy.ndarray."""
    kind = type(found)
    return "None" if found is None else f"a {kind.__module__}.{kind.__qualname__}".replace("builtins.", "")


@contextmanager
def _alone() -> Iterator[None]:
    """Have an error say that it came of a call with one row."""
    try:
        yield
    except ConfigError as fault:
        raise ConfigError(f"{fault} That was with one environment alone.") from fault


def _same(a: Tensor, b: Tensor) -> bool:
    """The same but for rounding, which may be another in a batch of another size."""
    return a.shape == b.shape and torch.allclose(a.double(), b.double(), rtol=1e-3, atol=1e-4, equal_nan=True)
