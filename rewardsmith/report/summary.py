"""A run on one page of Markdown, and its candidates as a table.

Everything is read from the ledger; the same ledger gives the same text, but for the hours of a session under way. A
candidate that failed shows its reason where others show a fitness.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import cast

from rewardsmith import resources, yamlfile
from rewardsmith.learn.kinds import whole_steps
from rewardsmith.measures.normalised import scale_words
from rewardsmith.quoting import TEXT_LIMIT, fenced, one_line
from rewardsmith.report.anchors import scale_rows
from rewardsmith.report.hacking import hacking
from rewardsmith.report.lineage import lineage
from rewardsmith.report.probes import ahead, broken, probe_table, refusals
from rewardsmith.report.race import raced
from rewardsmith.report.screen import screened
from rewardsmith.report.tables import NOTHING, Table, cell_text
from rewardsmith.report.warnings import warnings
from rewardsmith.store import Run
from rewardsmith.store.pages import human_words, number, outcome_words, score_words
from rewardsmith.types import Anchor, Attempt, Final, Generation, Judged, Rejected, Score

CANDIDATES = ("id", "parents", "origin", "outcome", "fitness", "success", "env steps", "tokens")
SANDBOXES = {
    "locked": "generated code was locked in by the kernel",
    "docker": "generated code ran in a container",
    "unsafe": "none: generated code ran unprotected (--sandbox unsafe)",
}
STOPPED = {"raced": "stopped early, behind", "solved": "stopped early, solved", "hacking": "stopped early, hacking"}
NUMBERS = frozenset({"fitness", "success", "env steps", "tokens", "judged", "rejected", "generation", "chain"})


def summary(run: Run, *, scale: Sequence[Anchor] = (), ended: str | None = None) -> str:
    """The whole of `summary.md`: what was asked, what came out, what it cost, what to doubt, how to go on.

    `scale` stands beside the winner where the run trained no references of its own; `ended` is why the session ends,
    where that is not recorded yet.
    """
    history, final = run.history(), run.final()
    attempts = [a for generation in history for a in generation.attempts]
    train = run.config.train
    whole = whole_steps(train)
    sections = [
        _opening(run, ended or run.ended()),
        _section("Result", _result(run, attempts, final, scale)),
        _section("Other worlds", _other_worlds(final)),
        _section("Hacking", _list(map(cell_text, hacking(run)))),
        _section("Warnings", _list(map(cell_text, warnings(run, attempts, final)))),
        _section("Candidates", _candidates(attempts).markdown() if attempts else ""),
        _section("Screen", _list(map(cell_text, screened(attempts, env_steps=whole * train.seeds)))),
        _section("Racing", _list(map(cell_text, raced(attempts, env_steps=whole, seeds=train.seeds)))),
        _section("Generations", _generations(run, history)),
        _section("Lineage", f"```text\n{lineage(run)}```\n"),
        _section("Best reward", _best_reward(run, attempts, final)),
        _section("What people said", _list(cell_text(human_words(said)) for said in run.people.said())),
        _section("Spend", _spend(run)),
        _section("Again", _again(run)),
    ]
    return "\n".join(section for section in sections if section)


def table(run: Run) -> str:
    """Every candidate in a line, for a terminal."""
    attempts = [a for generation in run.history() for a in generation.attempts]
    return _candidates(attempts).text() if attempts else "No generation is finished yet.\n"


# --- sections -------------------------------------------------------------------------------------------------------


def _opening(run: Run, ended: str | None) -> str:
    task, config, made_with = run.task, run.config, run.start.versions
    commit = f", commit {made_with['commit']}" if "commit" in made_with else ""
    state = ended or "no end is recorded: it is under way, or was killed"
    facts = [
        f"Task: {cell_text(task.name)}. {cell_text(task.goal, limit=TEXT_LIMIT)}",
        f"Environment: {cell_text(task.env.id)} ({task.env.backend}), {task.episode_steps} steps of "
        f"{number(task.control_dt_s)} s",
        f"Method: {cell_text(config.method)}; model: {cell_text(config.model)}; seed: {config.seed}",
        f"Sandbox: {SANDBOXES[config.verify.sandbox]}",
        f"Training: {config.train.env_steps} env steps a candidate{_warmth(config.train.warm_start)}; "
        f"fitness over {config.judge.episodes} episodes",
        f"Begun: {run.created}, with rewardsmith {made_with.get('rewardsmith', 'of unknown version')}{commit}",
        f"State: {cell_text(state)}",
    ]
    return f"# {cell_text(run.folder.name)}\n\n{_list(facts)}"


def _warmth(share: float) -> str:
    return f", begun with {number(share)} of the best parent's policy" if share else ""


def _result(run: Run, attempts: Sequence[Attempt], final: Final | None, scale: Sequence[Anchor]) -> str:
    unit = run.task.fitness.unit
    if final is None:
        leader = run.best()
        if leader is None:
            return "No candidate has been judged yet.\n"
        words = outcome_words(leader.outcome, unit=unit)
        return f"The leader is {leader.id}, {words}. It has not been measured again on fresh seeds.\n"
    rows = [_row(f"**{final.winner}**", final.score), *(_row(name, score) for name, score in final.references)]
    rows += scale_rows(scale) if run.references() is None else []
    heading = ("policy", "fitness" if unit == "1" else f"fitness [{cell_text(unit)}]", "worst", "success", "episodes")
    measured = Table(heading=heading, rows=rows, right=frozenset(heading[1:])).told()
    told = f"The winner is {final.winner}, measured on seeds nobody selected on{_selected(final, attempts, unit)}.\n"
    return f"{told}\n{measured.markdown()}{_failed_references(run)}{_normalised(final)}"


def _row(name: str, score: Score) -> tuple[str, ...]:
    """What a policy reached: a mean may hide the one episode in which it fell."""
    fitness, success, episodes = _measured(score)
    return name, fitness, number(min(score.episodes)), success, episodes


def _other_worlds(final: Final | None) -> str:
    table = probe_table(final) if final is not None else None
    if final is None or table is None:
        return ""
    lines = _list(map(cell_text, [*ahead(final), *broken(final), *refusals(final)]))
    what = "Fitness of the finalists in worlds that differ in one respect, on the same seeds: mean; worst episode."
    return f"{what}\n\n{table.markdown()}\n{lines}"


def _selected(final: Final, attempts: Sequence[Attempt], unit: str) -> str:
    outcome = next((a.outcome for a in attempts if a.id == final.winner), None)
    return f" (selected at {score_words(outcome.score, unit=unit)})" if isinstance(outcome, Judged) else ""


def _failed_references(run: Run) -> str:
    failed = [(r.name, r.outcome) for r in run.references() or () if isinstance(r.outcome, Rejected)]
    return "".join(f"\nThe {name} reference failed: {cell_text(why.reason)}\n" for name, why in failed)


def _normalised(final: Final) -> str:
    if final.human_normalised is not None:
        scale = scale_words(final.references)
        return f"\nHuman-normalised score: {number(final.human_normalised)} ({scale}).\n"
    return (
        f"\nHuman-normalised score: {cell_text(final.human_normalised_note)}\n" if final.human_normalised_note else ""
    )


def _candidates(attempts: Sequence[Attempt]) -> Table:
    return Table(heading=CANDIDATES, rows=[_candidate(a) for a in attempts], right=NUMBERS).told()


def _candidate(attempt: Attempt) -> tuple[str, ...]:
    score = attempt.outcome.score if isinstance(attempt.outcome, Judged) else None
    fitness, success = _measured(score)[:2] if score is not None else (NOTHING, NOTHING)
    spend = attempt.spend
    parents = ", ".join(attempt.candidate.parents) or NOTHING
    return (
        attempt.id,
        parents,
        attempt.candidate.origin,
        _outcome(attempt),
        fitness,
        success,
        str(spend.env_steps),
        str(spend.tokens_in + spend.tokens_out or NOTHING),
    )


def _outcome(attempt: Attempt) -> str:
    """`judged`, with why its training ended early; or what became of it instead."""
    if not isinstance(attempt.outcome, Judged):
        return outcome_words(attempt.outcome, unit="1")
    stop = attempt.outcome.trained.stopped
    return f"judged ({STOPPED[stop.kind]})" if stop else "judged"


def _measured(score: Score) -> tuple[str, str, str]:
    """Fitness, success and number of episodes."""
    success = NOTHING if score.success_rate is None else f"{score.success_rate:.0%}"
    return f"{number(score.mean)} ± {number(score.ci95)}", success, str(len(score.episodes))


def _generations(run: Run, history: Sequence[Generation]) -> str:
    """A row each; none for a beginning without rewards of one's own."""
    heading = ("generation", "chain", "judged", "rejected", "best", "fitness", "leader afterwards")
    told = [i for i, generation in enumerate(history) if generation.index or generation.attempts]
    rows = [_generation(run, history[: i + 1]) for i in told]
    return Table(heading=heading, rows=rows, right=NUMBERS).told().markdown() if rows else ""


def _generation(run: Run, so_far: Sequence[Generation]) -> tuple[str, ...]:
    generation, leader = so_far[-1], run.best(so_far)
    judged = [(a.outcome.score, a) for a in generation.attempts if isinstance(a.outcome, Judged)]
    score, best = max(judged, key=lambda pair: pair[0].mean, default=(None, None))
    rejected = sum(isinstance(a.outcome, Rejected) for a in generation.attempts)
    return (
        str(generation.index),
        str(generation.chain) if run.config.search.restarts > 1 else NOTHING,
        str(len(judged)),
        str(rejected),
        best.id if best is not None else NOTHING,
        _measured(score)[0] if score is not None else NOTHING,
        leader.id if leader is not None else NOTHING,
    )


def _best_reward(run: Run, attempts: Sequence[Attempt], final: Final | None) -> str:
    leader = run.best()
    name = final.winner if final is not None else leader.id if leader is not None else None
    best = next((a for a in attempts if a.id == name), None)
    if best is None:
        return ""
    return f"`best/reward.py` is {best.id} ({one_line(best.candidate.model) or best.candidate.origin}).\n\n" + (
        f"{fenced(best.candidate.code)}\n"
    )


def _spend(run: Run) -> str:
    spend = run.cost()
    return _list(
        [
            f"{spend.env_steps} env steps",
            f"{run.hours():.2f} hours from the beginning to the end of its sessions, waiting included",
            f"{spend.tokens_in} tokens in, {spend.tokens_out} tokens out, {spend.cost_usd:.4f} USD",
        ]
    )


def _again(run: Run) -> str:
    name, asked = run.folder.name, cast("dict[str, object]", run.start.extras or {})
    words = [
        "rewardsmith",
        "evolve",
        f"{name}/{run.start.task_place or 'task.yaml'}",
        "--config",
        f"{name}/config.yaml",
    ]
    if run.config.method not in yamlfile.shipped(resources.methods_folder()):  # its settings are in that file, too
        words += ["--method", "default"]
    if run.config.train.preset not in yamlfile.shipped(resources.presets_folder()):  # likewise
        words += ["--set", "train.preset=default"]
    for generation in run.history():
        seeded = generation.attempts if generation.index == 0 else ()
        words += [word for a in seeded for word in ("--seed-reward", f"{name}/candidates/{a.id}.py")]
    words += ["--references"] if asked.get("references", run.references() is not None) else []
    words += [word for file in _files_in(asked) for word in ("--trajectories", file)]
    words += ["--base-url", str(asked["base_url"])] if asked.get("base_url") else []
    return (
        f"In the folder that holds `{name}/`: the first continues the run unless it is finished, the second begins the "
        f"same one anew.\n\n```sh\n{shlex.join(['rewardsmith', 'resume', name])}\n{shlex.join(words)}\n```\n"
    )


def _files_in(asked: Mapping[str, object]) -> list[str]:
    """The files of episodes that the run was begun with."""
    return [str(file) for file in cast("list[object]", asked.get("trajectories") or [])]


def _section(title: str, body: str) -> str:
    return f"## {title}\n\n{body}" if body else ""


def _list(lines: Iterable[str]) -> str:
    return "".join(f"- {line}\n" for line in lines)
