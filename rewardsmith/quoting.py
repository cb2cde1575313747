"""Text that models or persons wrote, made fit to stand in a prompt: printable, capped, marked as a quotation.

It cannot make a model disbelieve what it reads. It keeps the text from posing as our own words, from closing the
fence it stands in, and from carrying the control tokens by which chat templates tell one speaker from another.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

LINE_LIMIT = 400
TEXT_LIMIT = 4_000
CODE_LIMIT = 40_000  # what the first gate accepts, so that a reward is shown whole

# <|im_start|>, its full-width form, <start_of_turn>, <s>, <think>, [INST]: a space after the bracket disarms them.
CONTROL = re.compile(r"<(?=[|｜])|<(?=/?(?:s|bos|eos|think|start_of_turn|end_of_turn)>)|\[(?=/?INST\])", re.IGNORECASE)


def cleaned(text: str, *, limit: int = TEXT_LIMIT) -> str:
    """Printable characters, newlines and tabs of `text`, at most `limit` of them before a remark on how much is cut."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    spaced = "".join(" " if c.isspace() and c not in "\n\t" else c for c in lines)  # also no-break and narrow ones
    kept = "".join(c for c in spaced if c.isprintable() or c in "\n\t")
    cut = f" [cut: {len(kept) - limit} more characters]" if len(kept) > limit else ""
    return CONTROL.sub(lambda match: match[0] + " ", kept[:limit]) + cut


def one_line(text: str, *, limit: int = LINE_LIMIT) -> str:
    """`text` on a single line, runs of white space made one space."""
    return cleaned(" ".join(text.split()), limit=limit)


def block(text: str, *, limit: int = TEXT_LIMIT) -> str:
    """`text` as a Markdown quotation, every line behind `> `."""
    return "\n".join(f"> {line}".rstrip() for line in cleaned(text.strip(), limit=limit).split("\n"))


def numbered(lines: Iterable[str], *, limit: int = LINE_LIMIT) -> str:
    """Each of `lines` on one line of a Markdown quotation, numbered from 1."""
    return "\n".join(f"> {i}. {one_line(line, limit=limit)}" for i, line in enumerate(lines, start=1))


def fenced(code: str, *, limit: int = CODE_LIMIT) -> str:
    """`code` in a Python fence longer than any run of backticks inside it."""
    body = cleaned(code.strip("\n"), limit=limit)
    longest = max((len(run) for run in re.findall(r"`+", body)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}python\n{body}\n{fence}"
