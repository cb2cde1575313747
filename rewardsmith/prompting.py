"""From a brief to the prompt a model is sent, and from its reply to code.

Templates are given views (`views.py`), not our values: a view has only what a model may see, so no template, however
edited, can show the fitness's source, a signal's source or a reference reward. Words are in `prompts/*.j2`; what is
here decides which turns a conversation has. Text of models and persons passes through `quoting`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from functools import cache, partial
from typing import Literal

import jinja2

from rewardsmith.archive import rank
from rewardsmith.config import SearchSettings, TrainSettings
from rewardsmith.feedback.people import sentences
from rewardsmith.interfaces import Brief
from rewardsmith.quoting import fenced, numbered
from rewardsmith.reply import extract
from rewardsmith.resources import prompts_folder
from rewardsmith.types import (
    Attempt,
    Image,
    Message,
    Prompt,
    Rejected,
)
from rewardsmith.views import anchor_views, attempt_view, rejection_view, task_view, training_view

__all__ = ["extract", "render"]

IN_CODE = 2  # siblings whose formulas are shown, the best ones


def render(brief: Brief, *, settings: SearchSettings, train: TrainSettings | None = None) -> Prompt:
    """The conversation that asks for the next reward; for a repair where `brief.rejected` is set, or a revision where
    `brief.findings` are.

    System message first, then user and assistant in turn, the user last. Either goes on with the conversation that
    led to the draft; where the reply held no code, there is no draft and the reply is asked for again. `train` is how
    policies are trained; without it less is told of that.
    """
    messages = _conversation(brief, brief.turns[-settings.history_turns :], settings, train)
    if brief.rejected:
        messages = _exchange(messages, brief.draft, _repair(brief, brief.rejected))
    elif brief.findings:
        messages = _exchange(messages, brief.draft, _text("revise.j2", findings=numbered(brief.findings)))
    return Prompt(messages=tuple(messages), sha256=digest(messages))


def question(template: str, /, *, images: Sequence[Image] = (), **given: object) -> Prompt:
    """A prompt of one message, from a template alone: for questions that belong to no conversation."""
    messages = (Message(role="user", content=_text(template, **given), images=tuple(images)),)
    return Prompt(messages=messages, sha256=digest(messages))


def digest(messages: Sequence[Message]) -> str:
    """SHA-256 of the messages as canonical JSON: a list of `{"content", "role"}`, ASCII, no spaces.

    A message that shows images also has `"images"`: a list of captions and hashes.
    """
    plain = [{"role": m.role, "content": m.content} | _pictured(m) for m in messages]
    return hashlib.sha256(json.dumps(plain, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _pictured(message: Message) -> dict[str, list[list[str]]]:
    return {"images": [[i.caption, i.sha256] for i in message.images]} if message.images else {}


# --- the conversation -----------------------------------------------------------------------------------------------


def _conversation(
    brief: Brief, turns: Sequence[Attempt], settings: SearchSettings, train: TrainSettings | None
) -> list[Message]:
    """System, task, and each turn's code with what became of it; the last user message asks."""
    task = task_view(brief.task, env_source=settings.env_source, ranges=brief.ranges)
    training = training_view(brief, train)
    anchors = anchor_views(brief.anchors, episode_steps=brief.task.episode_steps) if settings.anchors else ()
    views = [attempt_view(turn, omit=settings.history_omits) for turn in turns[:-1]]
    views += [attempt_view(turn) for turn in turns[-1:]]
    others = [attempt_view(a) for a in telling(brief.siblings, settings.siblings, by=settings.rank_by)]
    others = [*others[:IN_CODE], *(replace(view, formulas=()) for view in others[IN_CODE:])]
    best = telling(brief.earlier, settings.earlier, by=settings.rank_by)
    earlier = [replace(attempt_view(a), formulas=()) for a in best]
    people = sentences(brief.people, shown=[v.id for v in (*views, *others, *earlier)])
    asking = {"others": others, "earlier": earlier, "people": people}
    opening = {"others": (), "earlier": (), "people": ()} if turns else asking
    scored = settings.rank_by == "llm"
    given = {"task": task, "scored": scored}
    messages = [
        Message(role="system", content=_text("system.j2", scored=scored)),
        Message(role="user", content=_text("first.j2", training=training, anchors=anchors, **given, **opening)),
    ]
    for turn, view in zip(turns[:-1], views[:-1], strict=True):
        messages = _exchange(messages, turn.candidate.code, _text("turn.j2", turn=view, **given))
    if turns:
        last = _text("improve.j2", turn=views[-1], **given, **asking)
        messages = _exchange(messages, turns[-1].candidate.code, last)
    return messages


def _exchange(messages: Sequence[Message], code: str, told: str) -> list[Message]:
    """The messages with `code` answered and `told` said next; without code there is no answer, only more said."""
    if code.strip():
        return [*messages, Message(role="assistant", content=fenced(code)), Message(role="user", content=told)]
    return [*messages[:-1], Message(role="user", content=f"{messages[-1].content}\n\n{told}")]


def _repair(brief: Brief, rejected: Rejected) -> str:
    view, lost = rejection_view(rejected, brief.draft), [rejection_view(r, "") for r in brief.lost]
    return _text("repair.j2", turn={"rejection": view}, lost=lost, has_code=bool(brief.draft.strip()))


def telling(siblings: Sequence[Attempt], count: int, *, by: Literal["fitness", "llm"]) -> list[Attempt]:
    """At most `count` siblings: the judged ones, best first, then one for each way of being rejected."""
    judged = sorted((a for a in siblings if a.fitness is not None), key=partial(rank, by=by), reverse=True)
    rejected = {a.outcome: a for a in reversed(siblings) if isinstance(a.outcome, Rejected)}
    return [*judged, *sorted(rejected.values(), key=lambda a: a.id)][:count]


# --- the templates --------------------------------------------------------------------------------------------------


def _text(template: str, **given: object) -> str:
    """A template's text, its ends trimmed and blank lines never more than one in a row."""
    lines = _templates().get_template(template).render(**given).strip().split("\n")
    return "\n".join(line for i, line in enumerate(lines) if line.strip() or lines[i - 1].strip())


@cache
def _templates() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(prompts_folder()),
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # plain text for a model, never HTML
        trim_blocks=True,
        lstrip_blocks=True,
    )
