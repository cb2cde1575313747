"""The reward file in a model's reply, as the model wrote it, or why there is none.

Only text is read here: nothing is run, and whether the code is any good is for `verify` to say. Meant for replies of
every kind of model: with reasoning before the answer, drafts before the final version, helpers in a fence of their
own, no fence at all, or no end.
"""

from __future__ import annotations

import ast
import builtins
import re
import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from rewardsmith import syntax
from rewardsmith.types import Rejected, Reply

REPLY_LIMIT = 400_000  # characters
HELPER_LIMIT = 16  # blocks looked at for helpers
CUT_SHORT = frozenset({"length", "max_tokens", "max_output_tokens", "model_length"})
FILTERED = frozenset({"content_filter", "safety", "refusal", "recitation", "blocklist", "prohibited_content"})

ASK = "Answer with one ```python block that holds the whole file, compute_reward included."
SHORTER = "Keep the analysis to a few sentences and the code short, and give the complete file again."

PYTHON = frozenset({"", "python", "py", "python3", "python3.11", "ipython", "pycon", "torch", "pytorch", "tool_code"})
CLOSING_LINES = 40  # of words that look like code, after code without a fence
WRAPPER = frozenset({"markdown", "md"})
REASONING = re.compile(r"<(?P<end>/?)(?:think|thinking|thought|reasoning|reflection)>", re.IGNORECASE)
REFUSAL = re.compile(
    r"\b(?:I(?:'m| am) (?:sorry|unable|not able)|I (?:can(?:no|')t|will not|won't|must decline)|as an AI)\b",
    re.IGNORECASE,
)
OPENING = re.compile(r"(?P<before>[^`~\n]*)(?P<fence>`{3,}|~{3,})(?P<info>[^`\n]*)")
CODE_START = re.compile(r"(?:import|from|def|async def)\b|@")
INDENTED_START = re.compile(r"[ \t]+(?:import|from|def|async def)\b|[ \t]+@")
TOP_LEVEL = re.compile(r"(?:import |from |def |class |@|#|if |for |with |[)\]}]|[\"']|\w+\s*[:=(\[.])")


def extract(reply: Reply) -> str | Rejected:
    """The code in a reply, ending in one newline; or a rejection at stage "reply". Raises on no text whatever."""
    if len(reply.text) > REPLY_LIMIT:
        return _rejected(f"The reply has {len(reply.text)} characters; at most {REPLY_LIMIT} are read.", SHORTER)
    finish = reply.finish.strip().lower()
    text = without_reasoning(tidied(reply.text), cut_short=finish in CUT_SHORT)
    if not text.strip():
        return _empty(finish, thought=bool(reply.text.strip()))
    blocks = tuple(fenced(text)) or tuple(unfenced(text))
    chosen = choose(blocks, cut_short=finish in CUT_SHORT)
    if chosen is None:
        return _codeless(text, finish, blocks)
    if not chosen.closed and (finish in CUT_SHORT | FILTERED or chosen.tree is None):
        return _unfinished(finish)
    return "\n\n".join(part.code for part in with_helpers(chosen, blocks)) + "\n"


# --- why there is none ----------------------------------------------------------------------------------------------


def _rejected(reason: str, hint: str) -> Rejected:
    return Rejected(stage="reply", reason=reason, hint=hint)


def _refused(how: str) -> Rejected:
    return _rejected(
        f"The model refused to answer ({how}).", f"The task is to write a reward function for a simulated robot. {ASK}"
    )


def _unfinished(finish: str) -> Rejected:
    if finish in FILTERED:
        return _refused(f"the provider stopped the reply with '{finish}' in the middle of the code")
    if finish in CUT_SHORT:
        return _rejected("The reply was cut off at its token limit in the middle of the code.", SHORTER)
    return _rejected(
        "The code block was never closed and what it holds is not complete Python: the reply broke off.", SHORTER
    )


def _empty(finish: str, *, thought: bool) -> Rejected:
    if finish in FILTERED:
        return _refused(f"the provider ended the reply with '{finish}'")
    if finish in CUT_SHORT:
        spent = "on reasoning before any answer" if thought else "before any answer"
        return _rejected(f"The reply's token limit was spent {spent}.", f"Think less. {ASK}")
    if thought:
        return _rejected("The reply holds reasoning but no answer after it.", ASK)
    return _rejected("The reply is empty.", ASK)


def _codeless(text: str, finish: str, blocks: Sequence[Block]) -> Rejected:
    if finish in FILTERED:
        return _refused(f"the provider ended the reply with '{finish}'")
    if finish in CUT_SHORT:
        return _rejected("The reply was cut off at its token limit before it came to the code.", SHORTER)
    if not blocks and REFUSAL.search(text[:400]):
        return _refused("it says so instead of giving code")
    if blocks:
        return _rejected("The reply has a code block, but no block defines a function at its top level.", ASK)
    return _rejected("The reply has no code.", ASK)


# --- the text -------------------------------------------------------------------------------------------------------


def tidied(text: str) -> str:
    """Unix newlines, no byte order mark, nothing that could not be written as UTF-8."""
    plain = text.replace("\r\n", "\n").replace("\r", "\n").replace("\ufeff", "").replace("\x00", "")
    return plain.encode("utf-8", "replace").decode("utf-8")


def without_reasoning(text: str, *, cut_short: bool) -> str:
    """The answer alone: `<think>` parts of reasoning models are dropped.

    An end without a beginning drops all before it (some servers swallow the first tag). A beginning without an end
    drops the rest where the reply was cut short; otherwise the model forgot the end, and what follows is kept.
    """
    kept: list[str] = []
    depth = start = 0
    for tag in REASONING.finditer(text):
        if not tag["end"]:
            kept += [text[start : tag.start()]] if depth == 0 else []
            depth += 1
        elif depth == 0:
            kept = []
        else:
            depth -= 1
        start = tag.end()
    return "".join(kept) + ("" if depth and cut_short else text[start:])


# --- the blocks -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, eq=False)
class Block:
    """A piece of code in the reply; `closed` is False where the reply ended before its fence did."""

    code: str
    language: str
    closed: bool

    @cached_property
    def tree(self) -> ast.Module | None:
        """The parsed code; None where it is not Python."""
        return parsed(self.code)

    @cached_property
    def functions(self) -> tuple[str, ...]:
        """Names of the functions at the top level, found by their looks where the code does not parse."""
        if self.tree is None:
            return tuple(re.findall(r"^(?:async[ \t]+)?def[ \t]+(\w+)", self.code, re.MULTILINE))
        return tuple(n.name for n in self.tree.body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))

    @cached_property
    def returns(self) -> bool:
        """Whether anything is returned: a bare signature, restated in an explanation, returns nothing."""
        if self.tree is None:
            return True
        return any(isinstance(n, ast.Return) and n.value is not None for n in ast.walk(self.tree))


def fenced(text: str) -> Iterator[Block]:
    """The blocks between fences of backticks or tildes, indented or not, the last one perhaps never closed."""
    opened: re.Match[str] | None = None
    lines: list[str] = []
    for line in text.split("\n"):
        found = OPENING.fullmatch(line)
        if opened is not None and (end := _end(line, opened["fence"])) is not None:
            yield _block(opened, [*lines, end], closed=True)
            opened = None
        elif found and (_opens(found) if opened is None else _opens_anew(found)):
            if opened is not None:
                yield _block(opened, lines, closed=False)
            opened, lines = found, []
        elif opened is not None:
            lines.append(line)
    if opened is not None:
        yield _block(opened, lines, closed=False)


def _end(line: str, fence: str) -> str | None:
    """What precedes the closing fence on its line (nothing, as a rule); None where the line closes nothing."""
    bare = line.rstrip()
    before = bare.rstrip(fence[0])
    closes = len(bare) - len(before) >= len(fence)
    alone = not before.strip()
    return before if closes and (alone or (fence[0] == "`" and "`" not in before)) else None


def _opens(found: re.Match[str]) -> bool:
    """A fence opens a block; after other words on its line only where at most a language follows it."""
    if _language(found) in WRAPPER:
        return False
    return not found["before"].strip() or (found["fence"][0] == "`" and len(found["info"].split()) <= 1)


def _opens_anew(found: re.Match[str]) -> bool:
    """Inside a block, a line such as ```python can only mean that the end of the last block was forgotten."""
    return not found["before"].strip() and _language(found) in PYTHON - {""}


def _language(found: re.Match[str]) -> str:
    words = found["info"].strip(" \t{}.").lower().split()
    return words[0].rstrip(":,") if words else ""


def _block(opened: re.Match[str], lines: Sequence[str], *, closed: bool) -> Block:
    _, _, rest = opened["info"].strip().partition(" ")
    first = [rest] if CODE_START.match(rest) else []
    return Block(code=repaired("\n".join([*first, *lines])), language=_language(opened), closed=closed)


def unfenced(text: str) -> Iterator[Block]:
    """The reply as plain code: the whole of it, or what lies between an introduction and closing words.

    Code may stand indented, as Markdown's other form of a code block.
    """
    yield from _between_words(text) or _between_words(_indented(text))


def _indented(text: str) -> str:
    """The reply from its first indented line of code on, with that line's indent taken from all."""
    lines = text.split("\n")
    start = next((i for i, line in enumerate(lines) if INDENTED_START.match(line)), len(lines))
    indent = " " * (len(lines[start]) - len(lines[start].lstrip())) if start < len(lines) else ""
    return "\n".join(line.removeprefix(indent) for line in lines[start:])


def _between_words(text: str) -> list[Block]:
    lines = text.split("\n")
    start = next((i for i, line in enumerate(lines) if CODE_START.match(line)), len(lines))
    body = next((i for i in range(start, len(lines)) if lines[i].startswith("def ")), len(lines))
    end = next((i for i in range(body, len(lines)) if _is_prose(lines[i])), len(lines))
    last = max((i for i in range(body, end) if lines[i].startswith("def ")), default=body)
    stops = [i for i in range(end - 1, last, -1) if lines[i].strip() and not lines[i][0].isspace()]
    for piece in (text, *("\n".join(lines[start:stop]) for stop in (end, *stops[:CLOSING_LINES]))):
        block = Block(code=repaired(piece), language="", closed=False)
        if block.tree is not None and block.functions:
            return [block]
    return []


def _is_prose(line: str) -> bool:
    return bool(line.strip()) and not line[0].isspace() and not TOP_LEVEL.match(line)


def repaired(code: str) -> str:
    """The code as written; only where it does not parse, with its common indent and pasted hard spaces undone."""
    plain = code.strip("\n").rstrip()
    if parsed(plain) is not None:
        return plain
    undone = textwrap.dedent(plain.replace("\u00a0", " ").replace("\u200b", ""))
    return undone if parsed(undone) is not None else plain


def parsed(code: str) -> ast.Module | None:
    """The syntax tree; None for anything that is not Python, or is too deep to read."""
    try:
        return syntax.module(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


# --- the choice -----------------------------------------------------------------------------------------------------


def choose(blocks: Sequence[Block], *, cut_short: bool) -> Block | None:
    """The last block that defines the reward function: a final version follows its drafts.

    Blocks that parse go before those that do not (an outline with "..." for arguments), unless the last one is what
    the reply broke off in.
    """
    python = [b for b in blocks if b.language in PYTHON]
    if not any(b.functions for b in python):
        python = list(blocks)
    ranks: tuple[Callable[[Block], bool], ...] = (
        lambda b: b.returns and "compute_reward" in b.functions,
        lambda b: b.returns and any(name.startswith("compute_reward") for name in b.functions),
        lambda b: b.returns and any("reward" in n.lower() and not n.startswith("test") for n in b.functions),
        lambda b: b.returns and bool(b.functions),
        lambda b: bool(b.functions),
    )
    for rank in ranks:
        defining = [b for b in python if rank(b)]
        if defining and cut_short and not defining[-1].closed:
            return defining[-1]
        if defining:
            return ([b for b in defining if b.tree is not None] or defining)[-1]
    return None


def with_helpers(chosen: Block, blocks: Sequence[Block]) -> list[Block]:
    """The chosen block and, in the order they came, those that define names it uses and does not have itself.

    A block that defines one of the same names again is another version of it, not a helper.
    """
    others = [b for b in blocks if not set(chosen.functions) & set(b.functions)][-HELPER_LIMIT:]
    taken = [chosen]
    while helper := _helper(taken, [b for b in others if b not in taken]):
        taken.append(helper)
    return [b for b in blocks if b in taken]


def _helper(taken: Sequence[Block], others: Sequence[Block]) -> Block | None:
    has = set[str]().union(*(_defined(b) for b in taken))
    missing = set[str]().union(*(_missing(b) for b in taken)) - has
    return next((b for b in reversed(others) if _defined(b) & missing), None)


def _defined(block: Block) -> set[str]:
    """Names a block binds at its top level."""
    names: set[str] = set()
    for node in block.tree.body if block.tree else ():
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
        else:
            names |= {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    return names


def _missing(block: Block) -> set[str]:
    """Names a block reads but binds nowhere, builtins aside."""
    nodes = list(ast.walk(block.tree)) if block.tree else []
    read = {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
    stored = {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    arguments = {n.arg for n in nodes if isinstance(n, ast.arg)}
    return read - stored - arguments - _defined(block) - set(dir(builtins))
