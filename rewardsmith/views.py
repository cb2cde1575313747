"""What a model may see of a task, an attempt and what is known, in words and numbers: the views templates are given.

A view has no fitness's source, no signal's source and no reference reward. Text of models and persons passes through
`quoting`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from rewardsmith.codetext import formulas
from rewardsmith.config import TrainSettings
from rewardsmith.envdoc import observation_doc
from rewardsmith.feedback.changes import entries_first
from rewardsmith.feedback.curves import COMPONENT
from rewardsmith.feedback.diagnosis import SOLVED
from rewardsmith.feedback.summary import ends
from rewardsmith.feedback.wording import SHOWN_WHOLE
from rewardsmith.interfaces import Brief
from rewardsmith.quoting import cleaned, one_line
from rewardsmith.screen.records import records
from rewardsmith.sources import measured_signals
from rewardsmith.types import (
    Anchor,
    Attempt,
    Constant,
    Feedback,
    Judged,
    Measure,
    Rejected,
    Score,
    Signal,
    Stage,
    Task,
    Trained,
)

EXAMPLE_ARGUMENTS = 6
FEEDBACK_LIMIT = 8_000
NAME_LIMIT = 48
NAMES_LIMIT = 12
FORMULA_LIMIT = 200
FORMULAS = 6
STAGES: Mapping[Stage, str] = {
    "reply": "when the reply was read",
    "static": "when the code was read",
    "compile": "when the code was run once",
    "probe": "when the code was tried on sample states",
    "screen": "when the reward was held against known rollouts",
    "train": "in training",
    "judge": "when the policy was judged",
}
FEWEST_SPREAD = 4  # episodes that are told by their quartiles


@dataclass(frozen=True, kw_only=True, slots=True)
class SignalView:
    """A row of the table of signals; `shape` as in `(num_envs, 3)`, `seen` its range under random actions, or empty."""

    name: str
    shape: str
    unit: str
    doc: str
    seen: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ConstantView:
    """A row of the table of the task's constants."""

    name: str
    value: str
    unit: str
    doc: str


@dataclass(frozen=True, kw_only=True, slots=True)
class MeasureView:
    """What a measure means, never how it is computed. `unit` is empty for a plain number."""

    doc: str
    unit: str


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskView:
    """A task as it is told. `ends_early` is None where nobody knows; `environment` describes the policy's observation,
    where that is asked for and known."""

    goal: str
    control_dt_s: str
    episode_steps: int
    episode_s: str
    ends_early: bool | None
    fitness: MeasureView
    success: MeasureView | None
    signals: tuple[SignalView, ...]
    constants: tuple[ConstantView, ...]
    example_arguments: tuple[SignalView, ...]
    environment: str


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainingView:
    """How a policy is trained; `ahead` is the steps, and `ahead_s` the seconds, that its discount looks ahead.

    `scaled` where rewards are divided by the deviation of their discounted sum; then what `summed` steps earn is cut.
    `warm` is the share of its parent's policy that one begins with, empty for none. Both are None where not known.
    """

    env_steps: int
    gamma: str
    ahead: str
    ahead_s: str
    scaled: bool | None
    summed: int
    warm: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class AnchorView:
    """What random actions (`env_steps` 0) or the expert's policy reach; `success` a percentage, empty for none.

    `seeds` is how many trainings the means are over; `lowest` and `highest` are the worst and the best, empty for one.
    `length` is the mean length of its episodes in steps, empty where none ended before its time.
    """

    env_steps: int
    fitness: str
    seeds: int
    lowest: str
    highest: str
    success: str
    length: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ScoreView:
    """A score in words: four significant digits, `success` a percentage or None where the task has none.

    `spread` is the least, the quartiles and the greatest of its episodes, empty where they are few or all the same.
    For templates that leave out what cannot be so: `solved` where nearly every episode succeeded, and `steps`, how long
    episodes last, the judge's or the latest in training, whichever are shorter.
    """

    mean: str
    ci95: str
    episodes: int
    spread: tuple[str, ...]
    success: str | None
    length: str
    solved: bool
    steps: float


@dataclass(frozen=True, kw_only=True, slots=True)
class RejectionView:
    """A rejection and the line it is about, as a quotation; `screened` where the code itself is fine.

    `duplicate` where all that was wrong with it is that it had been tried.
    """

    stage: str
    reason: str
    hint: str
    line: int | None
    quoted: str
    screened: bool
    duplicate: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class StopView:
    """Why a training ended before its budget, in a sentence and within one.

    `raced` where others were ahead of it, which says little of what it could become.
    """

    why: str
    clause: str
    raced: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class PeakView:
    """That the policy of an earlier step was judged: which `of` how many, and the last one's fitness, where known."""

    env_steps: int
    of: int
    last: str


@dataclass(frozen=True, kw_only=True, slots=True)
class AttemptView:
    """An attempt as it is told; its code stands in the assistant's message.

    `changes` is against its parent, `formulas` the lines of code that make them, or some of it all without a parent.
    `model_score` is what a model that judges gave it, empty where it gave none.
    """

    id: str
    by_person: bool
    score: ScoreView | None
    model_score: str
    by_seed: tuple[str, ...]
    peak: PeakView | None
    stopped: StopView | None
    rejection: RejectionView | None
    warnings: tuple[str, ...]
    feedback: tuple[str, ...]
    components: tuple[str, ...]
    changes: str
    formulas: tuple[str, ...]


def training_view(brief: Brief, train: TrainSettings | None) -> TrainingView | None:
    """None where the brief does not tell of it; without `train` it tells less."""
    if not brief.env_steps:
        return None
    ahead = 1 / (1 - brief.gamma) if 0 < brief.gamma < 1 else None  # steps
    return TrainingView(
        env_steps=brief.env_steps,
        gamma=_g(brief.gamma),
        ahead="" if ahead is None else _g(ahead, digits=3),
        ahead_s="" if ahead is None else _g(ahead * brief.task.control_dt_s, digits=2),
        scaled=train.normalise_reward if train else None,
        summed=train.sac.ahead if train and train.algorithm == "sac" else 1,
        warm=None if train is None else _percentage(train.warm_start) if train.warm_start else "",
    )


def anchor_views(anchors: Sequence[Anchor], *, episode_steps: int) -> tuple[AnchorView, ...]:
    """Random actions and the expert's policy, in numbers; nothing says how either reward is computed."""
    return tuple(
        AnchorView(
            env_steps=anchor.env_steps,
            fitness=_g(anchor.fitness, digits=3),
            seeds=anchor.seeds,
            lowest="" if anchor.lowest is None else _g(anchor.lowest, digits=3),
            highest="" if anchor.highest is None else _g(anchor.highest, digits=3),
            success="" if anchor.success_rate is None else _percentage(anchor.success_rate),
            length="" if anchor.mean_length >= episode_steps else _g(anchor.mean_length, digits=3),
        )
        for anchor in anchors
        if anchor.policy != "sparse"
    )


def task_view(task: Task, *, env_source: bool, ranges: Mapping[str, Sequence[tuple[float, float]]]) -> TaskView:
    signals = tuple(_signal_view(s, ranges.get(s.name, ())) for s in task.signals)
    return TaskView(
        goal=task.goal.strip(),
        control_dt_s=_g(task.control_dt_s),
        episode_steps=task.episode_steps,
        episode_s=_g(task.episode_steps * task.control_dt_s),
        ends_early=task.env.ends_early,
        fitness=_measure_view(task.fitness),
        success=_measure_view(task.success) if task.success else None,
        signals=signals,
        constants=tuple(_constant_view(constant) for constant in task.constants),
        example_arguments=_example(task, signals),
        environment=observation_doc(task.env) if env_source else "",
    )


def _example(task: Task, signals: Sequence[SignalView]) -> tuple[SignalView, ...]:
    """A few signals in the task's order, with all that the task is measured by as far as there is room."""
    measured = measured_signals(task)
    first = sorted(signals, key=lambda s: s.name not in measured)[:EXAMPLE_ARGUMENTS]
    return tuple(s for s in signals if s in first)


def attempt_view(attempt: Attempt, *, omit: Collection[str] = ()) -> AttemptView:
    """The attempt without the feedback of the sources to `omit`."""
    outcome = attempt.outcome
    trained = outcome.trained if isinstance(outcome, Judged) else None
    verified = trained.verified if trained else None
    names = [
        c.name.removeprefix(COMPONENT) for c in (trained.curves if trained else ()) if c.name.startswith(COMPONENT)
    ]
    return AttemptView(
        id=attempt.id,
        by_person=attempt.candidate.origin == "human",
        score=_score_view(outcome.score, outcome.trained) if isinstance(outcome, Judged) else None,
        model_score="" if attempt.model_score is None else _g(attempt.model_score, digits=2),
        by_seed=tuple("failed" if m is None else _g(m) for m in outcome.by_seed) if isinstance(outcome, Judged) else (),
        peak=_peak_view(outcome) if isinstance(outcome, Judged) else None,
        stopped=_stop_view(trained) if trained else None,
        rejection=_rejection(attempt, outcome) if isinstance(outcome, Rejected) else None,
        warnings=tuple(one_line(w) for w in verified.warnings) if verified else (),
        feedback=tuple(
            cleaned(f.text, limit=FEEDBACK_LIMIT)
            for f in attempt.feedback
            if f.text and f.source not in ("rejection", *omit)
        ),
        components=tuple(one_line(name, limit=NAME_LIMIT) for name in names[:NAMES_LIMIT]),
        changes=next((_changes(f) for f in attempt.feedback if f.source == "changes"), ""),
        formulas=_formulas(attempt) if trained else (),
    )


def _rejection(attempt: Attempt, rejected: Rejected) -> RejectionView:
    duplicate = any(r.test == "duplicate" and r.verdict == "failed" for r in records(attempt))
    return replace(rejection_view(rejected, attempt.candidate.code), duplicate=duplicate)


def rejection_view(rejected: Rejected, code: str) -> RejectionView:
    lines = code.split("\n")
    known = rejected.line is not None and 1 <= rejected.line <= len(lines)
    quoted = one_line(lines[rejected.line - 1]) if known and rejected.line else ""
    return RejectionView(
        stage=STAGES[rejected.stage],
        reason=one_line(rejected.reason),
        hint=one_line(rejected.hint),
        line=rejected.line,
        quoted=f"`{quoted.replace('`', chr(39))}`" if quoted else "",
        screened=rejected.stage == "screen",
    )


def _stop_view(trained: Trained) -> StopView | None:
    stop = trained.stopped
    if stop is None:
        return None
    why = one_line(stop.why)
    clause = (why[:1].lower() + why[1:]).removesuffix(".")
    return StopView(why=why, clause=clause, raced=stop.kind == "raced")


def _peak_view(judged: Judged) -> PeakView | None:
    """Where the policy that was judged is not the last one."""
    peak = judged.trained.peak
    if peak is None or judged.checkpoint != "peak":
        return None
    return PeakView(
        env_steps=peak.env_steps, of=judged.trained.env_steps, last=_g(judged.other.mean) if judged.other else ""
    )


def _changes(feedback: Feedback) -> str:
    """`against g001-02: added ...` in one line."""
    return one_line(f"against {feedback.data.get('parent')}: {feedback.data.get('what')}")


def _formulas(attempt: Attempt) -> tuple[str, ...]:
    """Lines of its code, each as code that stays in its line: what it changed, or what it is made of."""
    told = next((f.data.get("lines") for f in attempt.feedback if f.source == "changes"), None)
    if not isinstance(told, list | tuple):
        told = entries_first(formulas(attempt.candidate.code, numbers=False))
    lines = (one_line(str(line), limit=FORMULA_LIMIT) for line in told[:FORMULAS])
    return tuple(f"`{line.replace('`', chr(39))}`" for line in lines)


def _signal_view(signal: Signal, seen: Sequence[tuple[float, float]]) -> SignalView:
    sizes = "".join(f" {size}," for size in signal.shape).removesuffix(",")
    return SignalView(
        name=signal.name,
        shape=f"(num_envs,{sizes})",
        unit=_cell_unit(signal.unit),
        doc=_cell(signal.doc),
        seen=_seen(seen),
    )


def _seen(ranges: Sequence[tuple[float, float]]) -> str:
    """`0.1 to 0.2`, or one such for each number of a short signal, unless they are the same."""
    if len(ranges) > SHOWN_WHOLE:
        ranges = [(min(low for low, _ in ranges), max(high for _, high in ranges))]
    told = [f"{_g(low, digits=2)} to {_g(high, digits=2)}" if low <= high else "no number" for low, high in ranges]
    return told[0] if len(set(told)) == 1 else "; ".join(told)


def _constant_view(constant: Constant) -> ConstantView:
    return ConstantView(
        name=constant.name,
        value=_g(constant.value, digits=7),
        unit=_cell_unit(constant.unit),
        doc=_cell(constant.doc) or "-",
    )


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _cell_unit(unit: str) -> str:
    return "-" if unit == "1" else unit


def _measure_view(measure: Measure) -> MeasureView:
    doc = " ".join(measure.doc.split()).rstrip(".")
    return MeasureView(doc=doc, unit="" if measure.unit == "1" else measure.unit)


def _score_view(score: Score, trained: Trained) -> ScoreView:
    lengths = trained.curve("episode_length")
    return ScoreView(
        mean=_g(score.mean),
        ci95=_g(score.ci95, digits=2),
        episodes=len(score.episodes),
        spread=_spread(score.episodes),
        success=None if score.success_rate is None else _percentage(score.success_rate),
        length=_g(score.mean_length),
        solved=score.success_rate is not None and score.success_rate >= SOLVED,
        steps=min(score.mean_length, ends(lengths.values)[1]) if lengths and lengths.values else score.mean_length,
    )


def _spread(values: Sequence[float]) -> tuple[str, ...]:
    if len(values) < FEWEST_SPREAD or min(values) == max(values):
        return ()
    return tuple(_g(float(value), digits=3) for value in np.quantile(values, (0.0, 0.25, 0.5, 0.75, 1.0)))


def _percentage(rate: float) -> str:
    return f"{_g(100 * rate, digits=3)}%"


def _g(value: float, *, digits: int = 4) -> str:
    return f"{value:.{digits}g}"
