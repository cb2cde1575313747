"""Works on one run until it is done, a limit is reached, or somebody stops it: consumes the loop, keeps, shows, waits.

`evolve.py` decides what happens next; here what happened reaches the ledger, the screen and the summary.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

from rewardsmith import evolve as loop
from rewardsmith import finals, opening, waiting
from rewardsmith.anchors.scale import shipped
from rewardsmith.assemble import Extras, gauges_of, parts_of
from rewardsmith.budget import Budget
from rewardsmith.config import EvolveConfig
from rewardsmith.display import Display, final_words, most_frequent_rejection, spend_words
from rewardsmith.errors import LimitReached, RewardsmithError, RunError
from rewardsmith.interfaces import Checkpoints, Parts, Progress, Saved, Watcher
from rewardsmith.interrupts import Interrupts
from rewardsmith.report import summary
from rewardsmith.report.simplified import outcome, simplified_page, simplified_words
from rewardsmith.simplify import Tools, simplify
from rewardsmith.store import Run, artefacts
from rewardsmith.store.sharing import read_shared
from rewardsmith.types import Final, Generation, ReferenceResult, Rejected

if TYPE_CHECKING:
    from rewardsmith.sandbox import ProcessSandbox

Tell = Callable[[str], None]


class NothingJudged(RewardsmithError):
    """The run is through and no candidate has a score, or the winner has none on fresh seeds."""


def work(run: Run, extras: Extras, config: EvolveConfig, display: Display, *, sandbox: ProcessSandbox) -> Final:
    """Go on with `run` from where its ledger ends; returns the winner, measured again.

    `config` is the run's, but for what a session may change (limits, waiting for people); `sandbox` one of
    its `verify` settings.

    Raises: LimitReached: a limit ended it early; all is saved, the winner so far measured. NothingJudged: no candidate
    has a score. KeyboardInterrupt: it was stopped; all finished generations are saved. RunError, ProposerError, ...
    """
    with Interrupts() as interrupts:
        try:
            final = _Session(run, extras, config, display, interrupts).work(sandbox)
        except BaseException as error:
            with suppress(RewardsmithError):  # a ledger that cannot be written to is what `error` tells of
                _close(run, why=_words(error))
            raise
        with interrupts.held():
            run.checkpoints.clear()
            _close(run, why="finished")
        return final


def simplify_candidate(run: Run, name: str, tools: Tools, config: EvolveConfig, budget: Budget) -> str:
    """See which components a candidate can do without, write `simplified/<name>.*`; returns what to say.

    The code is written where nothing can go, too: an earlier try may have left another. Where a limit lets nothing be
    tried, nothing is written.
    """
    code = next(a.candidate.code for g in run.history() for a in g.attempts if a.id == name)
    found = simplify(code, run.task, tools, config, budget=budget)
    if isinstance(found, Rejected):
        return f"{name} cannot be simplified: {found.reason} {found.hint}"
    if found.stopped and not found.tried:
        return f"{name}: {outcome(found)}"
    unit = run.task.fitness.unit
    pages = {
        f"simplified/{name}.md": simplified_page(found, name=name, unit=unit),
        f"simplified/{name}.py": found.after,
    }
    run.keep_files({file: artefacts.to_bytes(text) for file, text in pages.items()})
    words = simplified_words(found, name=name, unit=unit)
    return f"{words}simplified: {_short(run.folder / f'simplified/{name}.py')}" if found.dropped else words


class Limited:
    """Keeps trainings under way in `inner`, and lets none go on once `refuse` raises."""

    def __init__(self, inner: Checkpoints, refuse: Callable[[], None]) -> None:
        self._inner, self._refuse = inner, refuse

    def stop_asking(self) -> None:
        """Let every training go on from now on."""
        self._refuse = lambda: None

    def load(self, key: str) -> Saved | None:
        """What was kept of a training."""
        return self._inner.load(key)

    def save(self, key: str, saved: Saved) -> None:
        """Keep how a training stands. Raises: what `refuse` raises, unless the training is over anyway."""
        self._inner.save(key, saved)
        if not saved.done:
            self._refuse()


class _Session:
    def __init__(
        self, run: Run, extras: Extras, config: EvolveConfig, display: Display, interrupts: Interrupts
    ) -> None:
        self._run, self._extras, self._config = run, extras, config
        self._display, self._interrupts = display, interrupts

    def work(self, sandbox: ProcessSandbox) -> Final:
        try:
            return self._work(sandbox)
        except LimitReached as reached:
            folder, name = self._run.folder, str(reached).split()[0]
            raise LimitReached(
                f"{reached}; everything so far is saved in {folder}. Go on with "
                f"`rewardsmith resume {quote(str(folder))} --set {name}=MORE`."
            ) from None

    def _work(self, sandbox: ProcessSandbox) -> Final:
        run, display, config = self._run, self._display, self._config
        history = run.history()
        budget = Budget(config.limits, history, gauges=gauges_of(run))
        checkpoints = Limited(run.checkpoints, budget.check)
        with display:
            parts = parts_of(
                run,
                self._extras,
                config=config,
                sandbox=sandbox,
                watch=self._watch(),
                tell=display.say,
                checkpoints=checkpoints,
            )
            display.begun(history, run.references() or ())
            measured = self._references(parts)
            self._begin(parts, measured)
            reached = self._breed(parts, history, budget)
            checkpoints.stop_asking()  # what has been bred is measured, whatever the limits
            final = self._finish(parts, measured, reached)
        if reached is not None:
            raise LimitReached(reached)
        if final is None:
            raise NothingJudged(
                f"No candidate could be judged, so there is no winner. Most often: "
                f"{most_frequent_rejection([a for g in run.history() for a in g.attempts])} "
                f"See {run.folder / 'candidates'}."
            )
        if isinstance(final, Rejected):
            raise NothingJudged(
                f"The winner could not be measured again on fresh seeds: {final.reason} {final.hint} "
                f"Its scores stand in `rewardsmith show {quote(str(run.folder))}`."
            )
        return final

    def _breed(self, parts: Parts, history: Sequence[Generation], budget: Budget) -> str | None:
        """Generation by generation, as far as the limits reach; where one ended it, words that say which."""
        run, config = self._run, self._config
        try:
            for generation in loop.evolve(run.task, parts, config, history, run.begun_with()):
                self._keep(generation)
                budget.charge(generation.attempts)
        except LimitReached as stopped:
            return str(stopped)
        return None

    def _watch(self) -> Watcher:
        """The display, told what has been spent whenever a stage begins."""
        last: list[str] = [""]

        def watch(progress: Progress) -> None:
            if progress.stage != last[0]:
                last[0] = progress.stage
                with suppress(RunError):  # a display must not end a run
                    self._display.spent(self._run.cost())
            self._display(progress)

        return watch

    def _begin(self, parts: Parts, measured: Sequence[ReferenceResult]) -> None:
        """Keep the episodes the run begins with: random play, the expert noised, and out of files.

        So a resumed run knows the same.
        """
        if self._run.start_trajectories() is not None:
            return
        self._run.begin("trajectories")
        task, config = self._run.task, self._config
        given = read_shared(self._extras.trajectories, task)
        self._display(Progress(generation=0, stage="random", fraction=0.0))
        played = opening.random_episodes(task, parts.simulator, config, watch=parts.watch)
        noised = opening.noised_expert(task, measured, parts.simulator, config, watch=parts.watch)
        with self._interrupts.held():
            self._run.set_start_trajectories((*played, *noised, *given))

    def _references(self, parts: Parts) -> tuple[ReferenceResult, ...]:
        known = self._run.references()
        if known is not None or not self._extras.references:
            return known or ()
        self._run.begin("references")
        self._display(Progress(generation=0, stage="references", fraction=0.0))
        measured = opening.references(self._run.task, parts.learner, parts.simulator, self._config, watch=parts.watch)
        with self._interrupts.held():
            self._run.set_references(measured)
        self._display.measured(measured)
        return measured

    def _keep(self, generation: Generation) -> None:
        with self._interrupts.held():
            self._run.add_generation(generation)
        with suppress(RunError):
            self._display.spent(self._run.cost())
        self._display.finished(generation)
        if self._config.human.when == "after-generation" and generation.attempts:
            self._wait_for_people()

    def _wait_for_people(self) -> None:
        timeout_s = self._config.human.timeout_s
        self._display.say(
            f"Waiting up to {timeout_s:g} s for a person. From another shell: "
            f"rewardsmith feedback {quote(str(self._run.folder))} "
            '--note "..." | --prefer A B | --veto A | --pin A. '
            f"Enter goes on; so does silence, {waiting.GRACE_S:.0f} s after the last words."
        )
        self._display.pause()
        waiting.wait(lambda: len(self._run.people.unheard()), timeout_s=timeout_s)
        heard = len(self._run.people.unheard())
        self._display.say(f"Going on with {heard} input{'' if heard == 1 else 's'} from people.")

    def _finish(
        self, parts: Parts, measured: Sequence[ReferenceResult], reached: str | None
    ) -> Final | Rejected | None:
        """The winner measured again (once for each length of the run), the summary written, the outcome said.

        `reached` says which limit ended the run, where one did.
        """
        run, history = self._run, self._run.history()
        run.need_room()
        run.begin(f"final:{len(history)}")
        self._display(Progress(generation=len(history), stage="finals", fraction=0.0))
        final = run.final_of(len(history)) or finals.finish(run.task, parts, self._config, history, measured)
        if not isinstance(final, Final):
            return final
        with self._interrupts.held():
            run.set_final(final)
        self._display.pause()
        for line in ("", *final_words(final, history, run.task), f"spent: {spend_words(run.cost())}"):
            self._display.say(line)
        self._display.say(f"reward: {_short(run.folder / 'best' / 'reward.py')}")
        if self._config.judge.simplify:
            self._simplify(parts, final, reached)
        self._display.say(f"summary: {_short(run.folder / 'summary.md')}")
        return final

    def _simplify(self, parts: Parts, final: Final, reached: str | None) -> None:
        """See which components the winner can do without; the run's limits hold, also one that ended it."""
        budget = Budget(self._config.limits, self._run.history(), gauges=gauges_of(self._run))
        reached = reached or budget.exceeded()
        if reached is not None:
            self._display.say(f"{final.winner} is not simplified: {reached}.")
            return
        tools = Tools(sandbox=parts.sandbox, simulator=parts.simulator, learner=parts.learner, watch=parts.watch)
        words = simplify_candidate(self._run, final.winner, tools, self._config, budget)
        self._display.pause()
        self._display.say(words)


def _close(run: Run, *, why: str) -> None:
    """Bring the summary up to date, then record that the session ended: a run that says so is through with it."""
    scale = shipped(run.task, env_steps=run.config.train.env_steps)
    try:
        run.write_summary(summary(run, scale=scale, ended=why))
    finally:
        run.end(why)


def _words(error: BaseException) -> str:
    """Why a session ended, for `rewardsmith show`."""
    match error:
        case KeyboardInterrupt():
            return "interrupted"
        case RewardsmithError():
            return str(error)
        case _:
            return f"failed: {type(error).__name__}"


def _short(path: Path) -> str:
    """The path from here, where that is shorter."""
    relative = os.path.relpath(path)
    return relative if len(relative) < len(str(path)) else str(path)
