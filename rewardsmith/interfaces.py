"""The seams: what each part of the loop must offer, on one page.

A part is chosen by name in a task or config and found through `plugins.py`. Tensors are float32 unless said otherwise;
T counts control steps, N environments, K policies. Nothing here has behaviour of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from rewardsmith.errors import ConfigError
from rewardsmith.types import (
    Anchor,
    Attempt,
    Candidate,
    Checkpoint,
    Feedback,
    Generation,
    HumanInput,
    Image,
    Prompt,
    Rejected,
    Reply,
    Spend,
    Task,
    Trained,
    Trajectory,
    Verified,
)

# --- simulators -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Frame:
    """What one batched step (or reset) returned, N environments wide.

    A frame with `started[i]` is the first of an episode: the action sent to environment i was ignored and no
    transition led here, so such a step never enters a rollout. Simulators reset on the step after `done` (Gymnasium's
    NEXT_STEP mode), so the frame that ends an episode still holds its last state: truncation can bootstrap from it.
    """

    obs: Mapping[str, Tensor]  # "obs" or "obs.<key>": (N, *shape)
    info: Mapping[str, Tensor]  # only the fields asked for: (N, *shape)
    reward: Tensor  # (N,) the environment's own reward; a reference, never shown to candidates
    terminated: Tensor  # (N,) bool; cuts the bootstrap
    truncated: Tensor  # (N,) bool; keeps it
    started: Tensor  # (N,) bool


class Simulator(Protocol):
    """A batch of environments stepped together. Environment i depends on its own seed alone, not on its neighbours.

    All of its frames are on one device: the CPU, or that of a simulator which runs on a GPU.
    """

    num_envs: int
    action_low: Tensor  # (A,), on the CPU
    action_high: Tensor  # (A,), on the CPU

    def reset(self) -> Frame:
        """Start every environment; called once, before the first step."""
        ...

    def step(self, actions: Tensor) -> Frame:
        """Advance by one control step. `actions: (N, A)`, already inside the bounds, on the frames' device."""
        ...

    def close(self) -> None:
        """Free threads and memory; safe to call twice."""
        ...


class SimulatorFactory(Protocol):
    """Builds simulators for a task; `info_fields` lists the info entries that its frames must carry.

    `threads` is how many threads of its own it may use; None: one a core.
    """

    def __call__(
        self, task: Task, *, env_seeds: Sequence[int], info_fields: Sequence[str], threads: int | None = None
    ) -> Simulator: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Picture:
    """What a simulator's pictures are to be: size in pixels, and a camera of the model (None: the one it would choose).

    A camera is known by its number; by its name too, where the simulator knows names.
    """

    width: int = 640
    height: int = 480
    camera: int | str | None = None


class Renders(Simulator, Protocol):
    """A simulator that can be looked at: one built with a `Picture` (`sim.make_visible`)."""

    def render(self, env: int) -> NDArray[np.uint8]:
        """Environment `env` as it stands now, `(height, width, 3)` RGB; an episode's last state too.

        Raises: ConfigError: the environment has no picture, or no such camera.
        """
        ...


@runtime_checkable
class TellsUnstable(Protocol):
    """A simulator that ends an episode whose physics breaks, and knows how often it did."""

    def unstable(self) -> ConfigError | None:
        """What is wrong with the model where that was too often under random actions; None where it is sound.

        A policy may still break it now and then, so only who plays random actions asks.
        """
        ...


class ShowsModel(Simulator, Protocol):
    """A simulator whose MuJoCo model can be had, e.g. for a viewer that draws by itself."""

    def pose(self, env: int) -> tuple[Any, Any]:
        """Environment `env`'s `MjModel`, and an `MjData` of its own in the present state, kinematics computed.

        Raises: ConfigError: the environment shows no model.
        """
        ...


class Refuses(Protocol):
    """Why `task`'s simulator cannot be disturbed as `task.env.disturbance` says, in a sentence; None where it can."""

    def __call__(self, task: Task) -> str | None: ...


# --- proposers ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Brief:
    """What a prompt was rendered from, for proposers that read values rather than prose.

    It holds nothing the prompt does not: no fitness source, no expert reward. `turns` are earlier attempts of the
    lineage, oldest first, the last one being the parent to improve; `siblings` are last generation's others, and
    `earlier` the judged others of the generations before it.
    """

    task: Task
    turns: tuple[Attempt, ...] = ()
    siblings: tuple[Attempt, ...] = ()
    earlier: tuple[Attempt, ...] = ()
    people: tuple[HumanInput, ...] = ()
    rejected: Rejected | None = None  # set when a repair is asked for
    lost: tuple[Rejected, ...] = ()  # why this candidate's drafts before that one were rejected, oldest first
    findings: tuple[str, ...] = ()  # a reviewer's, where a draft that passed the checks is to be revised
    draft: str = ""  # the code that was rejected or reviewed; empty where the reply held none
    env_steps: int = 0  # control steps each policy is trained for; 0: not told
    gamma: float = 0.0  # the discount it is trained with; 0: not told
    ranges: Mapping[str, tuple[tuple[float, float], ...]] = field(default_factory=dict)
    """Least and greatest value of each number of a signal under random actions, in its order."""
    anchors: tuple[Anchor, ...] = ()  # what random actions and the expert's policy reach, where that is known


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """One sample to be drawn: `index` tells samples of the same prompt apart, `seed` is its own random stream.

    `repair` counts how often this candidate's draft has been asked for again, rejected or reviewed.
    """

    candidate_id: str
    prompt: Prompt
    brief: Brief
    index: int
    seed: int
    repair: int = 0


class ReplyStore(Protocol):
    """Where replies are kept so that none is paid for twice; keys are hashes of (model, prompt, parameters, index)."""

    def get(self, key: str) -> Reply | None: ...
    def sent(self, key: str, *, request: Mapping[str, Any]) -> None: ...
    def put(self, key: str, reply: Reply) -> None: ...


class Proposer(Protocol):
    """Answers requests. One reply a request, in order; raises `ProposerError` when none can be had at all."""

    @property
    def name(self) -> str: ...

    @property
    def origin(self) -> Literal["llm", "offline", "manual", "replay"]: ...

    def propose(self, requests: Sequence[Request], *, store: ReplyStore) -> list[Reply]: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """Something a model is asked that is not for a reward.

    `purpose`, `about` (a candidate's id, or `start`) and `index`, from 1, tell it from every other question of the run.
    """

    purpose: Literal["critic", "analyzer", "score", "pair", "sight"]
    about: str
    index: int
    prompt: Prompt


class Ask(Protocol):
    """Puts questions to a model. One reply a question, in order; raises `ProposerError` when none can be had at all."""

    @property
    def name(self) -> str: ...

    def __call__(self, questions: Sequence[Question]) -> list[Reply]: ...


class Eyes(Protocol):
    """Shows what episodes looked like: a few images of each, in order of time; none of one that cannot be drawn.

    The same episode always has the same images, and captions say when in it they were taken.
    """

    def __call__(self, episodes: Sequence[Trajectory]) -> list[tuple[Image, ...]]: ...


class Album(Protocol):
    """Where images are kept under a hash of what they show, so that a run shows the same ones when it is resumed."""

    def get(self, key: str) -> tuple[Image, ...] | None: ...
    def put(self, key: str, images: Sequence[Image]) -> None: ...


# --- verification, learning, feedback -------------------------------------------------------------------------------


class Sandbox(Protocol):
    """Runs generated Python where it can do no harm, only to trace it; what comes out is checked again outside.

    `trace` maps each code to a JSON text of its graph, or to why there is none. `constants` are the numbers code may
    ask for. `probe` runs checked graphs on `states`, `(R, *shape)` float32 for every input, and maps each to warnings
    or to why it must not be trained with. Both keep the order of what they are given.
    """

    name: str

    def trace(
        self, codes: Sequence[str], *, signals: Mapping[str, tuple[int, ...]], constants: Mapping[str, float]
    ) -> list[str | Rejected]: ...

    def probe(
        self, graphs: Sequence[str], *, states: Mapping[str, Tensor], units: Mapping[str, str]
    ) -> list[tuple[str, ...] | Rejected]: ...

    def close(self) -> None: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Rollout:
    """T steps of N environments, all states kept, so that anything can be computed on it later.

    Row t of a transition is: state t, `actions[t]`, state t + 1. `valid[t]` is False where that step only reset.
    """

    obs: Mapping[str, Tensor]  # (T + 1, N, *shape)
    info: Mapping[str, Tensor]  # (T + 1, N, *shape)
    led_by: Tensor  # (T + 1, N, A): the action that led to state t, zeros at an episode's start
    reward: Tensor  # (T, N): the environment's own
    terminated: Tensor  # (T, N) bool
    truncated: Tensor  # (T, N) bool
    valid: Tensor  # (T, N) bool
    elapsed: Tensor  # (T + 1, N) int64: control steps since the episode's start


RewardFn = Callable[[Rollout], tuple[Tensor, Mapping[str, Tensor]]]
"""Rewards of a rollout: total `(T, N)` and components `{name: (T, N)}`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Trainee:
    """One policy to be trained; `verified` is None for a reference reward.

    `start` is the policy it begins from, fused with first weights by `train.warm_start`; None: first weights alone.
    `seed` takes the place of the training's; None: that one, as for candidates that are to be compared.
    """

    id: str
    reward: RewardFn
    verified: Verified | None
    start: Checkpoint | None = None
    seed: int | None = None


class Learner(Protocol):
    """Trains many policies at once. A trainee's result depends on its reward and its seed, not on its neighbours.

    One result a trainee, in order, each with what it cost: a trainee that fails on the way has taken env steps too.
    Without `race` everybody trains for the whole budget; with it, whoever is clearly behind may be stopped early.
    """

    def train(
        self, trainees: Sequence[Trainee], task: Task, *, seed: int, watch: Watcher, race: bool = True
    ) -> list[tuple[Trained | Rejected, Spend]]: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Saved:
    """A training as it stood after `position` rollouts of each candidate; `about` is plain JSON.

    `done`: nobody trains any further.
    """

    position: int
    tensors: Mapping[str, Tensor]
    about: Mapping[str, Any]
    done: bool = False


class Checkpoints(Protocol):
    """Where a learner keeps trainings under way, so that one that was killed goes on.

    A key is a hash of all that decides a training's outcome. What `load` gives may come from anywhere: who uses it
    checks it. `save` replaces what was kept under the key. Both raise where there is no room, or where a limit of the
    run has been reached; what was saved stays.
    """

    def load(self, key: str) -> Saved | None: ...
    def save(self, key: str, saved: Saved) -> None: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Scene:
    """What a feedback source may look at besides the attempt itself.

    `trajectories` are the run's known episodes of any policy; `batch` the attempts of the same generation, `turns` the
    lineage they were bred from, oldest first: most from its last, a refit from one that its candidate's parents name.
    """

    task: Task
    batch: tuple[Attempt, ...] = ()
    trajectories: tuple[Trajectory, ...] = ()
    turns: tuple[Attempt, ...] = ()


class FeedbackSource(Protocol):
    """Says something about a finished attempt, or nothing (None)."""

    name: str

    def comment(self, attempt: Attempt, scene: Scene) -> Feedback | None: ...


class People(Protocol):
    """What persons have said. The answer for a generation never changes once given, so that a resume replays it."""

    def said_before(self, generation: int) -> tuple[HumanInput, ...]: ...

    def said_after(self, generations: int) -> tuple[HumanInput, ...]:
        """What no generation heard, when so many have been bred and the winner is to be chosen."""
        ...


# --- watching -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """Something to show while a generation is under way. `fraction` in [0, 1] is of the stage."""

    generation: int
    stage: Literal["random", "propose", "verify", "train", "judge", "references", "finals"]
    fraction: float
    states: Mapping[str, str] = field(default_factory=dict)  # candidate id -> a word or two
    env_steps_per_s: float | None = None


class Watcher(Protocol):
    """Is told of progress; must not block and must not raise."""

    def __call__(self, progress: Progress) -> None: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Parts:
    """The chosen parts of one run, handed to `evolve`."""

    proposer: Proposer
    sandbox: Sandbox
    simulator: SimulatorFactory
    learner: Learner
    sources: tuple[FeedbackSource, ...]
    people: People
    store: ReplyStore
    watch: Watcher
    seeded: tuple[Candidate, ...] = ()  # a person's own rewards, tried as generation 0
    anchors: tuple[Anchor, ...] = ()  # what prompts may tell of random actions and the expert's policy
    ask: Ask | None = None  # for what else a model is asked; None: nothing
    refuses: Refuses | None = None  # how the simulator can be disturbed; None: not at all
    gauges: Mapping[str, Callable[[], float]] = field(default_factory=dict)  # of limits that no attempt is charged for


History = Sequence[Generation]
