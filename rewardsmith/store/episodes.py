"""Trajectories as one safetensors file: tensors by name, and a JSON header that says what each episode was worth.

The same form lies in a run's folder and is handed from run to run (`rewardsmith trajectories`). Nothing in it runs. A
file may come from anybody, so what is read is checked: shapes, finite numbers, labels.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from rewardsmith.errors import RunError
from rewardsmith.store import artefacts
from rewardsmith.types import Trajectory

if TYPE_CHECKING:
    from torch import Tensor

HEADER = "rewardsmith"
LONGEST_SOURCE = 200


class NotEpisodes(ValueError):
    """The content is not what `to_bytes` makes; the message says why."""


def to_bytes(trajectories: Sequence[Trajectory], *, about: Mapping[str, str] | None = None) -> bytes:
    """The file's content; `about` is kept in its header beside the labels."""
    from safetensors.torch import save

    labels = [
        {
            "source": t.source,
            "fitness": t.fitness,
            "success": t.success,
            "terminated": t.terminated,
            "env_seed": t.env_seed,
        }
        for t in trajectories
    ]
    header = {"about": dict(about or {}), "episodes": labels}
    tensors = {f"{i}/{name}": tensor for i, t in enumerate(trajectories) for name, tensor in _tensors(t).items()}
    plain = {name: tensor.detach().cpu().clone().contiguous() for name, tensor in tensors.items()}
    return bytes(save(plain, metadata={HEADER: json.dumps(header, sort_keys=True, allow_nan=False)}))


def _tensors(trajectory: Trajectory) -> dict[str, Tensor]:
    expert = {} if trajectory.expert is None else {"expert": trajectory.expert}
    signals = {f"signals/{name}": value for name, value in trajectory.signals.items()}
    return {"actions": trajectory.actions, "fitness_steps": trajectory.fitness_steps, **expert, **signals}


def from_bytes(content: bytes) -> tuple[tuple[Trajectory, ...], dict[str, str]]:
    """The trajectories and what `about` said.

    Raises: NotEpisodes: it is no such file, or what it holds does not fit together.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        tensors = load(content)
    except SafetensorError as error:
        raise NotEpisodes(f"it is no safetensors file ({error})") from error
    labels, about = _header(content)
    apart: list[dict[str, Tensor]] = [{} for _ in labels]
    for name, tensor in tensors.items():
        index, _, rest = name.partition("/")
        if not (index.isascii() and index.isdigit() and int(index) < len(apart)):
            raise NotEpisodes(f"it holds '{name}', which belongs to no episode of its header")
        apart[int(index)][rest] = tensor
    return tuple(_trajectory(*pair) for pair in zip(labels, apart, strict=True)), about


def _header(content: bytes) -> tuple[list[Any], dict[str, str]]:
    """Labels of the episodes, and `about`. The file's layout: 8 bytes of length, then JSON of that length."""
    size = int.from_bytes(content[:8], "little")
    try:
        found = json.loads(json.loads(content[8 : 8 + size])["__metadata__"][HEADER])
        labels, about = found["episodes"], found["about"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise NotEpisodes(f"it has no header '{HEADER}' with episodes") from error
    if not isinstance(labels, list) or not isinstance(about, dict):
        raise NotEpisodes(f"its header '{HEADER}' holds no list of episodes")
    return labels, {str(key): str(value) for key, value in about.items()}


def _trajectory(label: Any, tensors: dict[str, Tensor]) -> Trajectory:
    found = Trajectory(
        **_label(label),
        signals={n.removeprefix("signals/"): t for n, t in sorted(tensors.items()) if n.startswith("signals/")},
        actions=_named("actions", tensors),
        fitness_steps=_named("fitness_steps", tensors),
        expert=tensors.get("expert"),
    )
    steps = len(found.fitness_steps)
    expected = {"actions": (steps, *found.actions.shape[1:]), "fitness_steps": (steps,), "expert": (steps,)}
    for name, tensor in tensors.items():
        shape = (steps + 1, *tensor.shape[1:]) if name.startswith("signals/") else expected.get(name)
        if steps == 0 or tuple(tensor.shape) != shape:
            raise NotEpisodes(f"'{name}' has the shape {tuple(tensor.shape)} in an episode of {steps} steps")
        if not tensor.is_floating_point() or not bool(tensor.isfinite().all()):
            raise NotEpisodes(f"'{name}' holds what is no finite number")
    return found


def _named(name: str, tensors: Mapping[str, Tensor]) -> Tensor:
    if name not in tensors or not tensors[name].dim():
        raise NotEpisodes(f"an episode lacks '{name}'")
    return tensors[name]


def _label(label: Any) -> dict[str, Any]:
    match label:
        case {
            "source": str(source),
            "fitness": float(fitness),
            "success": bool() | None as success,
            "terminated": bool(terminated),
            **more,
        }:
            seed = more.get("env_seed")
            if math.isfinite(fitness) and source.isprintable() and len(source) <= LONGEST_SOURCE and _is_seed(seed):
                known = {"source": source, "fitness": fitness, "success": success, "terminated": terminated}
                return known | {"env_seed": seed}
    raise NotEpisodes(f"the label of an episode is {str(label)[:80]!r}; expected source, fitness, success, terminated")


def _is_seed(found: object) -> bool:
    """Whether this is the seed of an environment, or None, as where it was not written down."""
    return found is None or (isinstance(found, int) and not isinstance(found, bool) and 0 <= found < 2**63)


class StoredTrajectories(Sequence[Trajectory]):
    """Trajectories on disk, read and checked against their hash at first use; how many there are is known before."""

    def __init__(self, root: Path, file: str, *, expected: str, count: int) -> None:
        self._root, self._file, self._expected, self._count = root, file, expected, count
        self._loaded: tuple[Trajectory, ...] | None = None

    @overload
    def __getitem__(self, index: int) -> Trajectory: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Trajectory]: ...
    def __getitem__(self, index: int | slice) -> Trajectory | Sequence[Trajectory]:
        return self._read()[index]

    def __iter__(self) -> Iterator[Trajectory]:
        return iter(self._read())

    def __len__(self) -> int:
        return self._count

    def __repr__(self) -> str:
        return f"StoredTrajectories({self._file})"

    def _read(self) -> tuple[Trajectory, ...]:
        if self._loaded is None:
            try:
                found, _ = from_bytes(artefacts.read(self._root, self._file, expected=self._expected))
            except NotEpisodes as error:
                raise RunError(f"{self._root / self._file} holds no trajectories: {error}.") from error
            self._loaded = found
        return self._loaded
