"""What the readable files of a run look like: a candidate with its header, a prompt, a training curve.

Text in, text out; `run.py` says where they lie and writes them. Nothing here is read back by the program: the
ledger holds every value once more, exactly.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from rewardsmith.quoting import one_line
from rewardsmith.types import (
    Attempt,
    Curve,
    Drafted,
    HumanInput,
    Judged,
    Mark,
    Message,
    Note,
    Outcome,
    Preference,
    Prompt,
    Rejected,
    Score,
    Task,
    Trained,
    Verified,
)

EXCERPT = 160


def candidate_page(
    attempt: Attempt, *, task: Task, method: str, parents: Sequence[Attempt] = (), people: Iterable[HumanInput] = ()
) -> str:
    """A reward file: who wrote it, what became of it and what it answers in comments, then the code as written."""
    code = attempt.candidate.code
    header = "".join(f"# {line}\n" for line in _header(attempt, task, method, parents, people))
    return f"{header}\n{code}"


def _header(
    attempt: Attempt, task: Task, method: str, parents: Sequence[Attempt], people: Iterable[HumanInput]
) -> list[str]:
    candidate = attempt.candidate
    lines = [
        f"{candidate.id}: a reward for {one_line(task.name)}",
        f"parents: {', '.join(candidate.parents) or 'none'}",
        f"origin: {candidate.origin} ({one_line(candidate.model) or 'no model'}), method {one_line(method)}",
        f"outcome: {outcome_words(attempt.outcome, unit=task.fitness.unit)}",
    ]
    return lines + [f"answers: {words}" for words in _answers(parents, people)]


def _answers(parents: Sequence[Attempt], people: Iterable[HumanInput]) -> list[str]:
    said = [f"{f.source} of {p.id}: {one_line(f.text, limit=EXCERPT)}" for p in parents for f in p.feedback]
    return said + [human_words(words) for words in people]


def outcome_words(outcome: Outcome, *, unit: str) -> str:
    """What became of a candidate, on one line; a number stands only where something was measured."""
    match outcome:
        case Drafted():
            return "drafted, not checked yet"
        case Rejected():
            at = f" (line {outcome.line})" if outcome.line is not None else ""
            return f"rejected at {outcome.stage}{at}: {one_line(outcome.reason)}"
        case Verified():
            return "verified, not trained"
        case Trained():
            return f"trained for {outcome.env_steps} steps, not judged"
        case Judged():
            return f"judged: {score_words(outcome.score, unit=unit)}{seeds_words(outcome)}"


def score_words(score: Score, *, unit: str) -> str:
    """`fitness 12.5 +- 0.4 m/s over 16 episodes, success 75%`."""
    measured = f"fitness {number(score.mean)} +- {number(score.ci95)}{'' if unit == '1' else ' ' + one_line(unit)}"
    success = "" if score.success_rate is None else f", success {score.success_rate:.0%}"
    return f"{measured} over {len(score.episodes)} episodes{success}"


def seeds_words(judged: Judged) -> str:
    """`, median of 3 (1.2 to 12.5, 1 failed)`, of its trainings; nothing where there was one."""
    means = [mean for mean in judged.by_seed if mean is not None]
    if not means:
        return ""
    failed = len(judged.by_seed) - len(means)
    spread = f"{min(means):.3g} to {max(means):.3g}{f', {failed} failed' if failed else ''}"
    return f", median of {len(judged.by_seed)} ({spread})"


def human_words(said: HumanInput) -> str:
    """What a person said, on one line, with who and when."""
    match said:
        case Note():
            words = f"note{f' on {said.on}' if said.on else ''}: {one_line(said.text, limit=EXCERPT)}"
        case Preference(p_first=None):
            words = f"no preference between {said.first} and {said.second}"
        case Preference(p_first=0.5):
            words = f"{said.first} and {said.second} are equally good"
        case Preference():
            first_wins = said.p_first is not None and said.p_first > 0.5
            better, worse = (said.first, said.second) if first_wins else (said.second, said.first)
            words = f"{better} is better than {worse}"
        case Mark():
            words = f"{said.kind} of {said.on}"
    return f"{words} ({one_line(said.who)}, {one_line(said.when)})"


def prompt_page(prompt: Prompt) -> str:
    """A prompt as Markdown, one heading a message; its images by their files in the run."""
    return "\n".join(f"# {m.role}\n\n{m.content}\n{_images(m)}" for m in prompt.messages)


def image_file(sha256: str) -> str:
    """Where a run keeps an image."""
    return f"frames/{sha256}.png"


def _images(message: Message) -> str:
    return "".join(f"\n{i.caption}\n\n![{i.caption}](../{image_file(i.sha256)})\n" for i in message.images)


def curves_page(curves: Iterable[Curve]) -> str:
    """Curves as CSV in long form: `curve,env_steps,value`."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(("curve", "env_steps", "value"))
    rows.writerows((c.name, s, v) for c in curves for s, v in zip(c.env_steps, c.values, strict=True))
    return text.getvalue()


def number(value: float) -> str:
    """Four significant digits: `0.0123`, `12.5`, `1234`, `1.2e+06`."""
    return f"{value:.4g}"
