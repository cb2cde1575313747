"""A run small enough for a test: the point task, the parts of a loop around it, and one warm sandbox for all tests."""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import hypothesis
import pytest
import torch
from torch import Tensor

import rewardsmith.sandbox
from rewardsmith import feedback, judge, opengl, sim
from rewardsmith.config import (
    EvolveConfig,
    FeedbackSettings,
    JudgeSettings,
    SearchSettings,
    TrainSettings,
    VerifySettings,
)
from rewardsmith.errors import CannotRender
from rewardsmith.graph import allowed_inputs
from rewardsmith.interfaces import Parts, Progress, Proposer, ReplyStore, Request, Sandbox
from rewardsmith.learn.ppo import PopulationPPO
from rewardsmith.play import random_states
from rewardsmith.propose.asking import RepliesInMemory
from rewardsmith.propose.offline import OfflineProposer
from rewardsmith.sandbox import ProcessSandbox
from rewardsmith.seeds import stream
from rewardsmith.sim.point import point_task
from rewardsmith.store import Run
from rewardsmith.types import (
    Attempt,
    Candidate,
    Generation,
    HumanInput,
    Judged,
    Policy,
    Rejected,
    Reply,
    Trained,
    Trajectory,
)

torch.set_num_threads(1)
os.environ.setdefault("OMP_NUM_THREADS", "1")  # so do the commands that tests start: there are as many tests as cores
hypothesis.settings.register_profile("untimed", deadline=None)  # how fast a machine is, no test may say
hypothesis.settings.register_profile("quick", deadline=None, max_examples=30)  # `make test`
hypothesis.settings.load_profile("untimed")

LONGEST = ("e2e/test_cli_evolve.py", "verify/test_compile.py", "tests/test_cli.py", "commands/test_evolve.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first: of two processes that share the tests, none is left alone with one at the end."""
    items.sort(key=lambda item: not item.path.as_posix().endswith(LONGEST))


class Remembering:
    """The real sandbox, asked once for each code: its graph never changes, and a trace takes a while."""

    name = "remembering"

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._known: dict[tuple[str, str], str | Rejected] = {}

    def trace(
        self, codes: Sequence[str], *, signals: Mapping[str, tuple[int, ...]], constants: Mapping[str, float]
    ) -> list[str | Rejected]:
        keys = [(code, repr((sorted(signals.items()), sorted(constants.items())))) for code in codes]
        missing = list(dict.fromkeys(key for key in keys if key not in self._known))
        found = self._sandbox.trace([code for code, _ in missing], signals=signals, constants=constants)
        self._known |= dict(zip(missing, found, strict=True))
        return [self._known[key] for key in keys]

    def probe(
        self, graphs: Sequence[str], *, states: Mapping[str, Tensor], units: Mapping[str, str]
    ) -> list[tuple[str, ...] | Rejected]:
        return self._sandbox.probe(graphs, states=states, units=units)

    def close(self) -> None:
        self._sandbox.close()


@pytest.fixture(scope="session")
def process_sandbox() -> Iterator[ProcessSandbox]:
    """One for all tests: a start takes seconds."""
    with ProcessSandbox(VerifySettings(timeout_s=20.0)) as started:
        yield started


@pytest.fixture(scope="session")
def sandbox(process_sandbox: ProcessSandbox) -> Sandbox:
    return Remembering(process_sandbox)


@pytest.fixture
def lent_sandbox(sandbox: Remembering, process_sandbox: ProcessSandbox) -> Iterator[None]:
    """Commands typed in this test work in the tests' own warm sandbox, and start none."""

    class Lent(contextlib.nullcontext[Any]):
        name, trace, probe, layers = sandbox.name, sandbox.trace, sandbox.probe, process_sandbox.layers

        def __init__(self, _: VerifySettings) -> None:
            super().__init__(self)

        def start(self) -> None:
            """It has."""

        def close(self) -> None:
            """It is everybody's."""

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(rewardsmith.sandbox, "ProcessSandbox", Lent)
        yield


@pytest.fixture(scope="session")
def point_states() -> Mapping[str, Tensor]:
    return random_states(point_task(), sim.make, seed=0)


@pytest.fixture
def config() -> EvolveConfig:
    """Two generations of two, and again: five with the seeded one, in about a second."""
    return EvolveConfig(
        seed=3,
        search=SearchSettings(generations=2, offspring=2, restarts=2, repairs=1),
        train=TrainSettings(
            env_steps=256, num_envs=4, rollout_steps=32, epochs=2, minibatches=2, hidden=(8,), device="cpu"
        ),
        judge=JudgeSettings(episodes=4, final_episodes=6),
    )


@dataclass(kw_only=True)
class Scripted:
    """A proposer that says what its script holds for a candidate and repair; it keeps what it was asked."""

    script: Mapping[tuple[str, int], str]
    otherwise: str = ""
    name: str = "scripted"
    origin: Literal["replay"] = "replay"
    asked: list[Request] = field(default_factory=list)

    def propose(self, requests: Sequence[Request], *, store: ReplyStore) -> list[Reply]:  # noqa: ARG002
        self.asked.extend(requests)
        return [
            Reply(
                text=self.script.get((r.candidate_id, r.repair), self.otherwise),
                finish="stop",
                model=self.name,
                tokens_in=100,
                tokens_out=10 + r.repair,
                cost_usd=0.5,
                seconds=2.0,
            )
            for r in requests
        ]


@dataclass(kw_only=True)
class Persons:
    """What persons said, by generation."""

    said: Mapping[int, tuple[HumanInput, ...]] = field(default_factory=dict)

    def said_before(self, generation: int) -> tuple[HumanInput, ...]:
        return self.said.get(generation, ())

    def said_after(self, generations: int) -> tuple[HumanInput, ...]:
        return self.said.get(generations, ())


@pytest.fixture
def scripted() -> type[Scripted]:
    return Scripted


@pytest.fixture
def parts(sandbox: Sandbox, config: EvolveConfig) -> Callable[..., Parts]:
    """The parts of a run on the point task; without a proposer the offline one answers."""

    def build(
        proposer: Proposer | None = None,
        *,
        said: Mapping[int, tuple[HumanInput, ...]] | None = None,
        seeded: tuple[Candidate, ...] = (),
        watch: Callable[[Progress], None] = lambda _: None,
    ) -> Parts:
        return Parts(
            proposer=proposer or OfflineProposer(),
            sandbox=sandbox,
            simulator=sim.make,
            learner=PopulationPPO(config.train, sim.make),
            sources=feedback.sources(("curves",), FeedbackSettings()),
            people=Persons(said=said or {}),
            store=RepliesInMemory(),
            watch=watch,
            seeded=seeded,
        )

    return build


def _load(name: str) -> ModuleType:
    """A module beside this file; the tests are no package."""
    spec = importlib.util.spec_from_file_location(f"rewardsmith_tests_{name}", Path(__file__).parent / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def planted() -> Mapping[str, Any]:
    """The planted rewards by file name; see `tests/corpus/planted/README.md` and `planted.Case`."""
    cases: Mapping[str, Any] = _planted().cases()
    return cases


@pytest.fixture(scope="session")
def episodes() -> Callable[[str], tuple[Trajectory, ...]]:
    """Real episodes of a task that has planted rewards, played once: `random`, `noised`, `expert` and its cheats."""

    @functools.cache
    def played(task: str) -> tuple[Trajectory, ...]:
        found: tuple[Trajectory, ...] = _planted().play(task)
        return found

    return played


@functools.cache
def _planted() -> ModuleType:
    return _load("planted")


# --- a policy and a run that keeps it ---------------------------------------------------------------------------------


@pytest.fixture
def point_policy() -> Policy:
    """Goes straight to the target of the point task and stays there; made by hand, without a hidden layer."""
    return Policy(
        tensors={
            "actor.0.weight": torch.tensor([[0.0], [0.0], [10.0]]),
            "actor.0.bias": torch.zeros(1, 1),
            "critic.0.weight": torch.zeros(3, 1),
            "critic.0.bias": torch.zeros(1, 1),
            "log_std": torch.zeros(1, 1),
            "obs_mean": torch.zeros(1, 3),
            "obs_var": torch.ones(1, 3),
            "action_low": torch.tensor([[-1.0]]),
            "action_high": torch.tensor([[1.0]]),
            "activation": torch.tensor(0),
        }
    )


@pytest.fixture
def point_run(tmp_path: Path, point_policy: Policy, config: EvolveConfig) -> Path:
    """A run of the point task: `g001-00` was judged, by that policy, and two of its four episodes are kept; `g001-01`
    was rejected."""
    task, seed = point_task(), stream(config.seed, 1, "judge")
    [played] = judge.play(
        [("g001-00", point_policy)], task, sim.make,
        seed=seed, episodes=config.judge.episodes, watch=lambda _: None, keep=2,
    )  # fmt: skip
    assert isinstance(played, judge.Played)
    trained = Trained(verified=None, policy=point_policy, curves=(), env_steps=0, seconds=0.0)
    outcomes = (
        Judged(trained=trained, score=played.score, trajectories=played.trajectories),
        Rejected(stage="static", reason="Reward code may not import os.", hint="Use torch."),
    )
    candidates = [Candidate(id=f"g001-0{i}", code="", sha256="", origin="manual", model="") for i in range(2)]
    attempts = tuple(Attempt(candidate=c, outcome=o) for c, o in zip(candidates, outcomes, strict=True))
    folder = tmp_path / "runs" / "20260101-000000-point"
    with Run.create(folder, task=task, config=config, task_text="", allowed=allowed_inputs(task)) as run:
        run.add_generation(Generation(index=1, chain=0, attempts=attempts))
    return folder


@pytest.fixture(scope="session")
def opengl_draws() -> None:
    """Skips where no OpenGL draws without a display."""
    try:
        opengl.choose()
    except CannotRender as error:
        pytest.skip(str(error))
