"""Builds the parts of a run from its task and settings: the one place where names become objects.

The loop itself (`evolve.py`) gets the parts and knows no name; what a run is asked for besides its settings
(`Extras`) is kept in its ledger, so that a resumed run is asked for the same.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, ValidationError, field_serializer

from rewardsmith import advice, farm, feedback, propose, sim
from rewardsmith.anchors.scale import shipped
from rewardsmith.budget import resident_mib
from rewardsmith.codetext import read_reward
from rewardsmith.config import EvolveConfig
from rewardsmith.errors import ConfigError, RunError, did_you_mean
from rewardsmith.feedback.preference import PreferenceOfEpisodes
from rewardsmith.graph import allowed_inputs
from rewardsmith.interfaces import Checkpoints, Eyes, FeedbackSource, Parts, Proposer, Watcher
from rewardsmith.learn import kinds
from rewardsmith.propose.endpoint import public
from rewardsmith.propose.questions import Questions
from rewardsmith.store import Run
from rewardsmith.store.room import size_mib
from rewardsmith.store.start import EXTRAS
from rewardsmith.taskfile import LoadedTask
from rewardsmith.types import Candidate, Task

if TYPE_CHECKING:
    from rewardsmith.propose.asking import Tell
    from rewardsmith.sandbox import ProcessSandbox


class Extras(BaseModel):
    """What a run was asked for on the command line that is no setting: kept in its first event.

    `seeded` holds the code of a person's own rewards, tried as generation 0; `trajectories` are files of episodes that
    the run begins with, read once.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    base_url: str | None = None
    references: bool = False
    seeded: tuple[str, ...] = ()
    trajectories: tuple[Path, ...] = ()

    @field_serializer("base_url")
    def _kept_without_secrets(self, url: str | None) -> str | None:
        return None if url is None else public(url)


def read_seeds(files: Sequence[Path]) -> tuple[str, ...]:
    """The reward files a person gives as a start.

    Raises: ConfigError: a file is missing, not UTF-8, or empty.
    """
    return tuple(read_reward(file) for file in files)


def written(code: str, *, index: int = 0) -> Candidate:
    """A person's own reward as a candidate of generation 0."""
    sha256 = hashlib.sha256(code.encode("utf-8", "surrogatepass")).hexdigest()
    return Candidate(id=f"g000-{index:02d}", code=code, sha256=sha256, origin="human", model="")


def begin(folder: Path, loaded: LoadedTask, config: EvolveConfig, extras: Extras) -> Run:
    """A new run in `folder`, with its extras in it.

    Raises: RunError: the folder holds a run already, or cannot be written to.
    """
    return Run.create(
        folder,
        task=loaded.task,
        config=config,
        task_text=Path(loaded.document.path).read_text(encoding="utf-8"),
        allowed=allowed_inputs(loaded.task),
        task_files=sim.files_of(loaded.task),
        extras=extras.model_dump(mode="json"),
    )


def extras_of(run: Run) -> Extras:
    """What a run was asked for. Runs of earlier versions have it in their `extras.json` alone.

    Raises: RunError: it is missing, or not as it was written.
    """
    try:
        if run.start.extras is not None:
            return Extras.model_validate_json(json.dumps(run.start.extras))
        return Extras.model_validate_json((run.folder / EXTRAS).read_bytes())
    except (OSError, ValidationError) as fault:
        raise RunError(
            f"{run.folder / EXTRAS} cannot be read: {str(fault).splitlines()[0]}. Put back a copy of it; it says "
            "whether references were asked for, at which address the model is, and which rewards the run was seeded "
            "with."
        ) from fault


def parts_of(
    run: Run, extras: Extras, *, config: EvolveConfig, sandbox: ProcessSandbox, watch: Watcher, tell: Tell,
    checkpoints: Checkpoints | None = None,
) -> Parts:  # fmt: skip
    """Everything `evolve` needs to work on `run`.

    `checkpoints` is where trainings under way are kept; None: in the run, whatever its limits.

    Raises: UsageError or ProposerError: the model's name does not fit, or its key is not set. ConfigError: a feedback
    source or a simulator is unknown. SandboxUnavailable: generated code cannot be locked in, so none is asked for.
    """
    proposer = proposer_of(config, extras, run_folder=run.folder, tell=tell)
    ask = ask_of(run, extras, config, tell=tell)
    ready: dict[str, FeedbackSource] = {PreferenceOfEpisodes.name: PreferenceOfEpisodes(config.screen)}
    if ask:
        ready |= advice.sources(config, ask, eyes_of(run, config, tell=tell))
    sources = feedback.sources(config.feedback.sources, config.feedback, ready=ready)
    sandbox.layers()
    return Parts(
        proposer=run.recorded(proposer),
        sandbox=sandbox,
        simulator=sim.make,
        learner=farm.learner(config.train, sim.make, checkpoints=checkpoints or run.checkpoints),
        sources=sources,
        people=run.people,
        store=run.replies,
        watch=watch,
        seeded=tuple(written(code, index=i) for i, code in enumerate(extras.seeded)),
        anchors=shipped(run.task, env_steps=config.train.env_steps),
        ask=ask,
        refuses=sim.refuses,
        gauges=gauges_of(run),
    )


def gauges_of(run: Run) -> dict[str, Callable[[], float]]:
    """What limits can be held against that no attempt is charged for: time, memory, the size of the run's folder."""
    return {"hours": run.hours, "memory_mib": resident_mib, "output_mib": partial(size_mib, run.folder)}


def proposer_of(config: EvolveConfig, extras: Extras, *, run_folder: Path, tell: Tell) -> Proposer:
    """The proposer that `config.model` names, proven usable as far as that goes without asking anybody.

    Raises: UsageError: the words do not fit. ConfigError: the settings want advice of a model where none is asked.
    ProposerError: a key is not set, a package or a recording is missing.
    """
    advice.refuse_unusable(config)
    proposer = propose.make(config.model, config.propose, base_url=extras.base_url, run_folder=run_folder, tell=tell)
    check = getattr(proposer, "check", None)
    if callable(check):
        check()
    return proposer


def prove(config: EvolveConfig, extras: Extras, *, run_folder: Path, tell: Tell) -> None:
    """Find out before a run begins that its learner, models and feedback sources can be had; asks nobody.

    Raises: as `parts_of`.
    """
    kinds.check(config.train)
    proposer_of(config, extras, run_folder=run_folder, tell=tell)
    adviser_of(config, extras, run_folder=run_folder, tell=tell)
    named = feedback.sources([s for s in config.feedback.sources if s not in advice.NAMES], config.feedback)
    known = {*feedback.SOURCES, *advice.NAMES, advice.critic.NAME, *(source.name for source in named)}
    for name in config.search.history_omits:
        if name not in known:
            raise ConfigError(
                f"search.history_omits: no feedback source is called '{name}'.{did_you_mean(name, sorted(known))} "
                f"Known: {', '.join(sorted(known))}."
            )


def adviser_of(config: EvolveConfig, extras: Extras, *, run_folder: Path, tell: Tell) -> Proposer | None:
    """Who is asked for advice, at advice's own temperature; None where there is no model to ask.

    The run's address is its own model's. Raises: as `proposer_of`.
    """
    model = advice.asked(config)
    if model == "offline":
        return None
    settings = config.propose.model_copy(update={"temperature": config.advice.temperature})
    cooler = config.model_copy(update={"propose": settings, "model": model})
    there = extras.model_copy(update={"base_url": None}) if config.advice.model else extras
    return proposer_of(cooler, there, run_folder=run_folder, tell=tell)


def ask_of(run: Run, extras: Extras, config: EvolveConfig, *, tell: Tell) -> Questions | None:
    """The way to ask a model for advice; None where there is no model to ask.

    Where it is to look at pictures, it has named the colours of some: a question that is asked once in a run.

    Raises: as `proposer_of`. ConfigError: the model sees no pictures.
    """
    proposer = adviser_of(config, extras, run_folder=run.folder, tell=tell)
    if proposer is None:
        return None
    ask = Questions(run.recorded(proposer), store=run.replies, task=run.task, seed=config.seed)
    if advice.looks(config) and proposer.origin == "llm":
        advice.sight.prove(ask, run.frames, seed=config.seed)
    return ask


def eyes_of(run: Run, config: EvolveConfig, *, tell: Tell) -> Eyes | None:
    """What a judge looks with; None where it is not to look."""
    if not advice.looks(config):
        return None
    from rewardsmith.render.stills import Stills

    return Stills(run.task, count=config.advice.frames, camera=config.advice.camera, album=run.frames, tell=tell)


def prove_sight(task: Task, config: EvolveConfig) -> None:
    """Where a judge is to look, draw a first picture of the task, so that it is not found out after hours.

    Raises: ConfigError, CannotRender: its simulator draws no pictures or has no such camera, or nothing here draws.
    """
    if advice.looks(config):
        from rewardsmith.render.stills import prove

        prove(task, camera=config.advice.camera)
