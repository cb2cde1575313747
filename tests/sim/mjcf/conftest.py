"""Tasks around the models in tests/sim/models, and simulators of them that are closed again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from rewardsmith.sim.mjcf.simulator import MjcfSimulator
from rewardsmith.types import EnvSpec, Measure, References, Signal, Task

MODELS = Path(__file__).parent.parent / "models"


@pytest.fixture
def task() -> Callable[..., Task]:
    """`task(model, signals={name: source}, **env)`: a task beside the models."""

    def build(
        model: str = "pendulum-v1.xml",
        *,
        signals: dict[str, str] | None = None,
        steps: int = 100,
        dt: float = 0.05,
        folder: Path = MODELS,
        **env: object,
    ) -> Task:
        return Task(
            name="t",
            goal="None.",
            env=EnvSpec(backend="mjcf", id=model, options=env),
            signals=tuple(
                Signal(name=name, shape=(), unit="1", doc="it", source=source)
                for name, source in (signals or {}).items()
            ),
            fitness=Measure(source="time", reduce="final"),
            success=None,
            references=References(expert=None),
            episode_steps=steps,
            control_dt_s=dt,
            path=str(folder / "t.yaml"),
        )

    return build


@pytest.fixture
def make() -> Iterator[Callable[..., MjcfSimulator]]:
    """`make(task, *fields, seeds=, threads=)`."""
    made: list[MjcfSimulator] = []

    def build(task: Task, *fields: str, seeds: Sequence[int] = (1, 2, 3), threads: int | None = 1) -> MjcfSimulator:
        made.append(MjcfSimulator(task, env_seeds=seeds, info_fields=fields, threads=threads))
        return made[-1]

    yield build
    for simulator in made:
        simulator.close()
