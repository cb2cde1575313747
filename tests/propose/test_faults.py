"""What the person reads when no reply can be had, pinned in a golden file."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewardsmith.propose import faults
from rewardsmith.propose.endpoint import endpoint
from rewardsmith.propose.wire import Fault

OPENAI = endpoint("openai/gpt-5")
OLLAMA = endpoint("ollama/llama3.2")
REMOTE = endpoint("vllm/Qwen3-8B", base_url="https://gpu.example/v1")
CLAUDE = endpoint("anthropc/claude")


def _explained(fault: Fault, at: object = OPENAI, *, answered: bool = False) -> str:
    return faults.explained(fault, at, tries=7, answered=answered)


LINES = {
    "no key": faults.no_key(OPENAI),
    "no keys": faults.no_key(CLAUDE, ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")),
    "one of two keys": faults.no_key(endpoint("gemini/gemini-2.5-pro"), ("GOOGLE_API_KEY", "GEMINI_API_KEY")),
    "key refused": faults.key_refused(OPENAI),
    "no litellm": faults.no_litellm(endpoint("mistral/large")),
    "no litellm, mistyped": faults.no_litellm(endpoint("opneai/gpt-5")),
    "no credit": _explained(Fault(detail="You exceeded your quota.", status=429, code="insufficient_quota")),
    "forbidden": _explained(Fault(detail="Country not supported.", status=403)),
    "no such model": _explained(Fault(detail="The model does not exist.", status=404)),
    "no such model there": _explained(Fault(detail="", status=404), REMOTE),
    "no such model in ollama": _explained(Fault(detail='model "llama3.2" not found', status=404), OLLAMA),
    "a web page": _explained(Fault(detail="<html>\n<b>Welcome</b>", garbled=True), REMOTE),
    "ollama is not running": _explained(Fault(detail="[Errno 111] Connection refused", unreachable=True), OLLAMA),
    "nobody at that address": _explained(Fault(detail="Name or service not known", unreachable=True), REMOTE),
    "gone for good": _explained(Fault(detail="Connection refused", unreachable=True), OLLAMA, answered=True),
    "busy for good": _explained(Fault(detail="Rate limit reached.", status=429)),
    "slow for good": _explained(Fault(detail="no complete answer within 180 s")),
    "bad request": _explained(Fault(detail="This model's maximum context length is 8192 tokens.", status=400)),
    "unknown provider": _explained(Fault(detail="LLM Provider NOT provided.", status=400), endpoint("olama/x")),
    "sees no pictures": faults.explained(
        Fault(detail="image_url is only supported by certain models.", status=400),
        OPENAI,
        tries=7,
        answered=True,
        pictured=True,
    ),
    "asks too long": faults.asks_too_long(Fault(detail="Come back tomorrow.", status=429, wait_s=86400.0), OPENAI),
}


def test_every_failure_reads_as_its_golden_line(expect_golden: Callable[[str, str], None]) -> None:
    expect_golden("faults.txt", "".join(f"{name}:\n  {line}\n" for name, line in LINES.items()))


@pytest.mark.parametrize("line", LINES.values(), ids=LINES)
def test_every_failure_is_told_on_one_line(line: str) -> None:
    assert line.isprintable()


@given(st.text())
def test_a_servers_words_are_shown_on_one_short_printable_line(detail: str) -> None:
    said = faults.brief(Fault(detail=detail, status=500))
    assert said.isprintable()
    assert len(said) <= len("HTTP 500: ") + 303
