"""The values that walk through rewardsmith, from a task file to a judged policy.

Every value is frozen and keyword-only. A candidate is known by its id, never by its position; a failure is a
`Rejected` with a reason, never a number. Nothing here computes, reads or writes: see `interfaces.py` for who does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from torch import Tensor

    from rewardsmith.graph import RewardGraph

Reduction = Literal["mean", "sum", "final", "max", "min", "any"]
Origin = Literal["llm", "offline", "manual", "replay", "human", "refit"]
Stage = Literal["reply", "static", "compile", "probe", "screen", "train", "judge"]
Role = Literal["system", "user", "assistant"]

PREVIOUS = "prev_"
"""`prev_<signal>` is the signal one control step before."""
EPISODE_PROGRESS = "episode_progress"
"""Elapsed control steps over the episode's length, in [0, 1]."""
CONTROL_DT = "dt"
"""The number of seconds one control step takes; every task has it."""


# --- the task -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Signal:
    """One quantity reward code may read; nothing undeclared exists for it.

    `shape` is per environment, `()` for a scalar. `source` is an expression over `obs`, `info` and `action`
    (see `rewardsmith.sources`); it is never shown to a proposer.
    """

    name: str
    shape: tuple[int, ...]
    unit: str
    doc: str
    source: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Constant:
    """A number of the task that reward code may read by name, the same in every environment and at every step."""

    name: str
    value: float
    unit: str = "1"
    doc: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Measure:
    """How one episode is scored: a per-step quantity and its reduction over the episode's steps.

    `source` is a signal's name or an expression over `obs`, `info`, `action`, `reward`. `at_least`, where given, turns
    the reduced value into 1.0 or 0.0 (used by `success`).
    """

    source: str
    reduce: Reduction
    unit: str = "1"
    doc: str = ""
    at_least: float | None = None


Disturbed = Literal["reset_noise", "mass", "friction", "horizon"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Disturbance:
    """One way in which a finalist's world is made to differ: a quantity of the simulation, times a factor.

    `reset_noise` is the spread of starting states, `mass` and `friction` are of every body and geom, `horizon` is the
    episode's length.
    """

    kind: Disturbed
    factor: float


@dataclass(frozen=True, kw_only=True, slots=True)
class EnvSpec:
    """Which simulator a task runs in. `observation` names what the policy sees, e.g. `obs` or `obs.state`.

    `disturbance` is set by the probes of the finalists alone, never by a task file.
    """

    backend: str
    id: str
    options: Mapping[str, object] = field(default_factory=dict)
    observation: str = "obs"
    disturbance: Disturbance | None = None

    @property
    def device(self) -> str:
        """Where its environments are stepped: cpu, cuda or warp-cpu."""
        return str(self.options.get("device", "cpu")) if self.backend == "mjcf" else "cpu"

    @property
    def ends_early(self) -> bool | None:
        """Whether an episode may be over before its time by what the task itself says; None where it does not say."""
        if self.backend != "mjcf":
            return None
        return True if self.options.get("terminated") else None if self.options.get("code") else False


@dataclass(frozen=True, kw_only=True, slots=True)
class References:
    """What a candidate is compared with. `expert` is an expression for the environment's own per-step reward."""

    expert: str | None = "reward"
    sparse: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """A validated `task.yaml`. `episode_steps` is the length at which an episode is truncated.

    `hidden_fitness` is measured by the judge beside the fitness and told to persons alone, when the run is over: no
    prompt, no proposer and no stage of the search ever sees its number.
    """

    name: str
    goal: str
    env: EnvSpec
    signals: tuple[Signal, ...]
    fitness: Measure
    success: Measure | None
    references: References
    episode_steps: int
    control_dt_s: float
    constants: tuple[Constant, ...] = ()
    hidden_fitness: Measure | None = None
    path: str = ""

    def signal(self, name: str) -> Signal | None:
        """The declared signal called `name`, or None."""
        return next((s for s in self.signals if s.name == name), None)

    def numbers(self) -> dict[str, float]:
        """Every number reward code may ask for by name: `dt` and the declared constants."""
        return {CONTROL_DT: self.control_dt_s} | {constant.name: constant.value for constant in self.constants}


# --- asking and answering -------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Image:
    """A picture that a model is shown: a PNG's bytes, their SHA-256 in hex, and in words what it shows."""

    caption: str
    sha256: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """One turn of a conversation; its images follow its words, each after its caption."""

    role: Role
    content: str
    images: tuple[Image, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Prompt:
    """What a model is sent. `sha256` is of the messages alone."""

    messages: tuple[Message, ...]
    sha256: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """What came back, as it came. `finish` is the provider's own word ("stop", "length", "content_filter", ...)."""

    text: str
    finish: str
    model: str
    tokens_in: int = 0
    tokens_out: int = 0
    cost_usd: float = 0.0
    seconds: float = 0.0
    cached: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """A reward as written. `id` is `g003-02`: generation 3, offspring 2. `sha256` is of `code`."""

    id: str
    code: str
    sha256: str
    origin: Origin
    model: str
    parents: tuple[str, ...] = ()
    prompt_sha256: str = ""
    reply_sha256: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Spend:
    """What an attempt has cost so far."""

    tokens_in: int = 0
    tokens_out: int = 0
    cost_usd: float = 0.0
    env_steps: int = 0
    seconds: float = 0.0

    def __add__(self, other: Spend) -> Spend:
        return Spend(
            tokens_in=self.tokens_in + other.tokens_in,
            tokens_out=self.tokens_out + other.tokens_out,
            cost_usd=self.cost_usd + other.cost_usd,
            env_steps=self.env_steps + other.env_steps,
            seconds=self.seconds + other.seconds,
        )


# --- what becomes of a candidate ------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Drafted:
    """Code was found in the reply; nothing has been checked yet."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rejected:
    """Why a candidate went no further, in words for the person and for the model alike; no path or frame of ours.

    `line` counts from 1 in the candidate's own file.
    """

    stage: Stage
    reason: str
    hint: str
    line: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Verified:
    """The candidate's traced program. From here on the Python is never run again."""

    graph: RewardGraph
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Curve:
    """One quantity over training: `values[i]` was measured when `env_steps[i]` steps had been taken."""

    name: str
    env_steps: tuple[int, ...]
    values: tuple[float, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """A trained policy's tensors by name, on the CPU: the network and its observation normaliser."""

    tensors: Mapping[str, Tensor]


@dataclass(frozen=True, kw_only=True, slots=True)
class Checkpoint:
    """A policy kept on the way: as it stood when `env_steps` steps had been taken."""

    policy: Policy
    env_steps: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Stop:
    """Why a training ended before its budget, in one sentence, and after how many env steps.

    `raced`: others did better at a rung. `solved`: success held. `hacking`: own reward rose while fitness fell for
    long; `env_steps` is where that began to show.
    """

    kind: Literal["raced", "solved", "hacking"]
    env_steps: int
    why: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Trained:
    """A policy and how its training went.

    `curves` holds `fitness`, `success` and `episode_length` (where an episode ended in training), `reward` (the
    candidate's own total, mean per step) and each component of the reward under `component/<name>` (mean per step).
    `policy` is the last one; `peak` the one at the peak of own reward, None where that is the last. `stopped` is None
    where the whole budget was used.
    """

    verified: Verified | None
    policy: Policy
    curves: tuple[Curve, ...]
    env_steps: int
    seconds: float
    peak: Checkpoint | None = None
    stopped: Stop | None = None

    def curve(self, name: str) -> Curve | None:
        """The curve called `name`, or None."""
        return next((c for c in self.curves if c.name == name), None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Score:
    """Fitness over episodes on seeds the training never saw; `ci95` is the half-width of the mean's 95% interval.

    `hidden` is the task's hidden fitness of each episode, in the same order; empty where the task declares none or one
    of them was not finite. It is for the report alone.
    """

    episodes: tuple[float, ...]
    mean: float
    ci95: float
    success_rate: float | None
    success_ci95: tuple[float, float] | None
    mean_length: float
    hidden: tuple[float, ...] = ()

    @property
    def hidden_mean(self) -> float | None:
        """Mean hidden fitness; None where there is none."""
        return sum(self.hidden) / len(self.hidden) if self.hidden else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Trajectory:
    """One whole episode, as reward code could read it, with what it was worth; T transitions, tensors on the CPU.

    Any reward can be computed on it at any time, since rewards are pure. `signals[name]` is `(T + 1, *shape)`, a row
    for every state from the first to the last. `fitness_steps` and `expert` are for the judge and the measures: no
    prompt and no worker sees how they are computed.
    """

    source: str  # whose policy: "random", "expert", "noised", "sparse" or a candidate's id
    signals: Mapping[str, Tensor]
    actions: Tensor  # (T, A)
    fitness_steps: Tensor  # (T,) the fitness quantity at each transition
    expert: Tensor | None  # (T,) the environment's own reward; None where the task declares none, or it is not finite
    fitness: float
    success: bool | None
    terminated: bool  # False: it was truncated
    env_seed: int | None = None  # of the environment it was played in; None: not known


@dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    """A trained policy and its score.

    `checkpoint` says which of the two policies the score is of: the one that did better; `other` is the other's score.
    `trajectories` are some of the judged episodes, the worst first, the best last; from a run's folder they are read
    at first use. Where a reward was trained on several seeds this is the median training; `by_seed` is the mean fitness
    of each in their order, None where it gave none.
    """

    trained: Trained
    score: Score
    checkpoint: Literal["last", "peak"] = "last"
    other: Score | None = None
    trajectories: Sequence[Trajectory] = ()
    by_seed: tuple[float | None, ...] = ()

    @property
    def policy(self) -> Policy:
        """The policy that the score is of."""
        peak = self.trained.peak
        return peak.policy if self.checkpoint == "peak" and peak is not None else self.trained.policy


Outcome = Drafted | Rejected | Verified | Trained | Judged


# --- feedback -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Feedback:
    """What one source says of one attempt: `text` for the prompt (empty: nothing), `data` (plain JSON) for the ledger.

    `spend` is what saying it cost, where a model was asked. A source that judges gives a `score` in [0, 1], where it
    has one, and `preferences` between this attempt and others.
    """

    source: str
    text: str
    data: Mapping[str, object] = field(default_factory=dict)
    spend: Spend = field(default_factory=Spend)
    score: float | None = None
    preferences: tuple[Preference, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Note:
    """A person's words on a run (`on` empty) or on one candidate."""

    text: str
    on: str
    who: str
    when: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Preference:
    """Which of two candidates is better: `p_first` in [0, 1], 0.5 a tie, None no answer."""

    first: str
    second: str
    p_first: float | None
    source: Literal["person", "llm", "fitness"]
    who: str
    when: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Mark:
    """A person's veto (never a parent again) or pin (always a parent, the last pin wins)."""

    kind: Literal["veto", "pin"]
    on: str
    who: str
    when: str


HumanInput = Note | Preference | Mark


@dataclass(frozen=True, kw_only=True, slots=True)
class Repair:
    """A draft that was rejected and asked for again."""

    code: str
    rejected: Rejected


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    """One candidate, what became of it, what was said of it, what it cost. The one object that walks the whole way."""

    candidate: Candidate
    outcome: Outcome
    feedback: tuple[Feedback, ...] = ()
    repairs: tuple[Repair, ...] = ()
    spend: Spend = field(default_factory=Spend)

    @property
    def id(self) -> str:
        return self.candidate.id

    @property
    def fitness(self) -> float | None:
        """Mean fitness on judge seeds; None where the attempt was not judged (a failure has no score)."""
        return self.outcome.score.mean if isinstance(self.outcome, Judged) else None

    @property
    def model_score(self) -> float | None:
        """What a model that judges gave it, in [0, 1]; None where none did."""
        return next((f.score for f in reversed(self.feedback) if f.score is not None), None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Generation:
    """All attempts of one generation, in id order; `people` is what persons said before it was bred.

    `index` 0 holds the rewards a person seeded (it may be empty); offspring start at 1. `chain` counts restarts.
    """

    index: int
    chain: int
    attempts: tuple[Attempt, ...]
    people: tuple[HumanInput, ...] = ()
    parents: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class ReferenceResult:
    """The expert's or the sparse reward's policy, trained and judged exactly like a candidate's."""

    name: Literal["expert", "sparse"]
    outcome: Judged | Rejected


@dataclass(frozen=True, kw_only=True, slots=True)
class Anchor:
    """What a known policy reaches on a task, measured beforehand: something to hold other numbers against.

    `env_steps` is what it trained for, 0 for random actions. `fitness` and `success_rate` are means over `seeds`
    trainings, `failed` of which gave no score and count in neither; the intervals are of 95%, over seeds (over episodes
    for random actions), None where there is one seed alone. `lowest` and `highest` are the least and greatest fitness
    of a seed, None likewise. `mean_length` of an episode is in steps.
    """

    policy: Literal["random", "expert", "sparse"]
    env_steps: int
    fitness: float
    ci95: float | None
    success_rate: float | None
    success_ci95: tuple[float, float] | None
    mean_length: float
    seeds: int
    failed: int = 0
    lowest: float | None = None
    highest: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """A policy's score under one measurement, by the id of its candidate."""

    id: str
    score: Score | Rejected


@dataclass(frozen=True, kw_only=True, slots=True)
class Probe:
    """The finalists in a disturbed world.

    `refused` says why the simulator cannot be disturbed so; then nothing is measured.
    """

    disturbance: Disturbance
    scores: tuple[Measured, ...] = ()
    refused: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Final:
    """The winner, measured again on seeds nobody selected on.

    `human_normalised` is (M - S) / |H - S|; None with `human_normalised_note` saying why where it is not defined.
    `finalists` are the best candidates on the same seeds, the winner first; it stays the winner whatever they reach.
    """

    winner: str
    score: Score
    references: tuple[tuple[str, Score], ...] = ()
    human_normalised: float | None = None
    human_normalised_note: str = ""
    finalists: tuple[Measured, ...] = ()
    probes: tuple[Probe, ...] = ()
