"""What is read out of a reply: the code as written, or one precise reason why there is none."""

from __future__ import annotations

import ast
import textwrap
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rewardsmith.reply import REPLY_LIMIT, extract
from rewardsmith.types import Rejected, Reply

CODE = """import torch

def compute_reward(x: torch.Tensor) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    forward = torch.tanh(x / 0.5)  # bounded
    return forward, {"forward": forward}
"""
DRAFT = CODE.replace("0.5", "9.9")
HELPER = """import torch

def squash(x: torch.Tensor, temperature: float) -> torch.Tensor:
    return torch.tanh(x / temperature)
"""
USER = CODE.replace("torch.tanh(x / 0.5)", "squash(x, 0.5)")


def fence(code: str, language: str = "python", mark: str = "```") -> str:
    return f"{mark}{language}\n{code}{mark}\n"


def read(text: str, finish: str = "stop") -> str | Rejected:
    return extract(Reply(text=text, finish=finish, model="fake"))


def rejected(text: str, finish: str = "stop") -> Rejected:
    result = read(text, finish)
    assert isinstance(result, Rejected)
    assert result.stage == "reply"
    return result


# --- replies that hold code -----------------------------------------------------------------------------------------

USABLE = {
    "one fence": "Speed matters.\n\n" + fence(CODE),
    "words after the fence": fence(CODE) + "\nGood luck!",
    "no language": fence(CODE, ""),
    "language in capitals": fence(CODE, "Python"),
    "language with attributes": fence(CODE, 'python title="reward.py"'),
    "another language named": fence(CODE, "text"),
    "tildes": fence(CODE, "python", "~~~"),
    "four backticks": fence(CODE, "python", "````"),
    "fence opened behind words": "Here is the code: ```python\n" + CODE + "```",
    "fence closed behind code": "```python\n" + CODE.rstrip() + "```",
    "fence never closed": "```python\n" + CODE,
    "wrapped in a markdown fence": "```markdown\n# Reward\n" + fence(CODE) + "```\n",
    "indented in a list": "1. Code:\n\n" + "".join(f"   {line}\n" for line in fence(CODE).splitlines()),
    "Windows newlines": fence(CODE).replace("\n", "\r\n"),
    "byte order mark": "\ufeff" + fence(CODE),
    "hard spaces pasted from a page": fence(CODE.replace("    ", "\u00a0\u00a0\u00a0\u00a0")),
    "draft, then final version": "First draft:\n" + fence(DRAFT) + "Better, the final version:\n" + fence(CODE),
    "draft whose fence was forgotten": "```python\n" + DRAFT + "\nNo, better:\n```python\n" + CODE + "```\n",
    "example of use behind it": fence(CODE) + "Use it so:\n" + fence("total, parts = compute_reward(torch.zeros(3))\n"),
    "test behind it": fence(CODE) + fence("def test_compute_reward():\n    return compute_reward(1)\n"),
    "outline behind it": fence(CODE) + "In short:\n" + fence("def compute_reward(x, ...):\n    ...\n"),
    "bare signature behind it": fence(CODE) + fence("def compute_reward(x: torch.Tensor):\n    ...\n"),
    "shell command before it": fence("pip install torch\n", "bash") + fence(CODE),
    "configuration behind it": fence(CODE) + fence('{"weight": 1.0}\n', "json"),
    "think block with a draft": "<think>\nMaybe\n" + fence(DRAFT) + "</think>\n" + fence(CODE),
    "think block whose start was swallowed": "Maybe\n" + fence(DRAFT) + "</think>\n" + fence(CODE),
    "think block that was never closed": "<think>\nThe code:\n" + fence(CODE),
    "nested think blocks": "<think>a<think>b</think>" + fence(DRAFT) + "</THINK>" + fence(CODE),
    "no fence": CODE,
    "no fence, with words around": "Here you are.\n\n" + CODE + "\nThis rewards forward motion.\n",
    "indented, without a fence": "So:\n\n" + textwrap.indent(CODE, "    ") + "\nThis rewards forward motion.\n",
    "told to have been filtered behind the code": fence(CODE),
}


@pytest.mark.parametrize("case", USABLE)
def test_code_is_kept_as_written(case: str) -> None:
    assert read(USABLE[case], "content_filter" if "filtered" in case else "stop") == CODE


def test_code_before_a_cut_off_explanation_is_kept() -> None:
    assert read(fence(CODE) + "This reward is good beca", "length") == CODE


def test_tabs_comments_and_decorators_are_kept() -> None:
    code = CODE.replace("    ", "\t").replace("def ", "@torch.jit.script\ndef ")
    assert read(fence(code)) == code


@pytest.mark.parametrize("order", [(HELPER, USER), (USER, HELPER)])
def test_helpers_in_a_fence_of_their_own_are_joined_in_the_order_they_came(order: tuple[str, str]) -> None:
    text = "Helpers:\n" + fence(order[0]) + "The rest:\n" + fence(order[1])
    assert read(text) == f"{order[0].rstrip()}\n\n{order[1].rstrip()}\n"


def test_helper_of_a_draft_is_not_joined_when_the_final_version_needs_none() -> None:
    assert read(fence(HELPER) + fence(USER) + fence(CODE)) == CODE


def test_renamed_reward_function_is_found() -> None:
    renamed = CODE.replace("compute_reward", "compute_reward_v3")
    assert read(fence(HELPER) + fence(renamed)) == renamed


HELPS = """def compute_reward_terms(x: torch.Tensor) -> torch.Tensor:
    return torch.tanh(x / 0.5)
"""


@pytest.mark.parametrize("helped", [CODE, CODE.replace("torch.tanh(x / 0.5)", "compute_reward_terms(x)")])
def test_a_helper_called_like_the_reward_function_does_not_take_its_place(helped: str) -> None:
    found = read(fence(helped) + "where:\n" + fence(HELPS))
    assert isinstance(found, str)
    assert found.startswith(helped.rstrip())
    assert ("compute_reward_terms(x: " in found) == (helped != CODE)


@pytest.mark.parametrize("language", ["py3", "python3.12", "Python3.10", "python:reward.py", "sage"])
@pytest.mark.parametrize("other", ["", "text"])
def test_code_in_a_fence_of_an_unknown_name_is_found_beside_one_without_code(language: str, other: str) -> None:
    assert read("The idea:\n" + fence("r = v - 0.1 * a**2\n", other) + "Code:\n" + fence(CODE, language)) == CODE


WORDS_AFTER = (
    "Explanation: it rewards nearness.", "Note: near is bounded.", "1. near pays.\n2. It is bounded.",
    "Explanation:\n- near pays", "Here (as asked) it pays.", "- It pays\n\nNote: all of it.",
)  # fmt: skip


@pytest.mark.parametrize("words", WORDS_AFTER)
def test_words_that_look_like_code_after_code_without_a_fence_are_left_out(words: str) -> None:
    assert read(f"Here it is.\n\n{CODE}\n{words}\n") == CODE


def test_thousands_of_closing_lines_are_given_up_in_a_moment() -> None:
    began = time.monotonic()
    assert not isinstance(read(f"{CODE}\n" + "Note: (this\n" * 20_000), str)
    assert time.monotonic() - began < 20.0


def test_a_function_that_broke_off_does_not_leave_its_helper_alone() -> None:
    text = HELPER + "\n\ndef compute_reward(x: torch.Tensor):\n    near = torch.tanh(x /\n\nNote: it ends here.\n"
    assert not isinstance(read(text), str)


def test_code_with_a_syntax_error_is_handed_on_for_the_static_gate_to_explain() -> None:
    broken = CODE.replace("x / 0.5)", "x / 0.5")
    assert read(fence(broken)) == broken


# --- replies that hold none -----------------------------------------------------------------------------------------

UNUSABLE = {
    "empty": ("", "stop", "The reply is empty."),
    "blank": (" \r\n\t", "stop", "The reply is empty."),
    "reasoning alone": ("<think>hm</think>\n", "stop", "The reply holds reasoning but no answer after it."),
    "reasoning to the limit": ("<think>hm\n" + fence(CODE), "length", "token limit was spent on reasoning"),
    "nothing to the limit": ("", "max_tokens", "token limit was spent before any answer"),
    "refused in words": ("I'm sorry, but I can't help with that.", "stop", "refused to answer (it says so"),
    "refused by the provider": ("", "content_filter", "refused to answer (the provider ended the reply with"),
    "filtered in the code": ("```python\n" + CODE, "content_filter", "in the middle of the code"),
    "no code": ("Reward the robot for going forward.", "stop", "The reply has no code."),
    "no function": (fence("reward = x + 1\n"), "stop", "no block defines a function"),
    "cut before the code": ("First, let us think about", "length", "before it came to the code"),
    "cut in the code": ("```python\n" + CODE[:-20], "length", "cut off at its token limit in the middle of the code"),
    "cut at the end of a line": ("```python\n" + CODE, "length", "in the middle of the code"),
    "cut in the final version": (fence(DRAFT) + "```python\n" + CODE[:-20], "length", "in the middle of the code"),
    "cut without a fence": (CODE[:-20], "length", "cut off at its token limit"),
    "broke off without saying so": ("```python\n" + CODE[:-20], "stop", "the reply broke off"),
    "far too long": ("x" * (REPLY_LIMIT + 1), "stop", f"{REPLY_LIMIT + 1} characters; at most {REPLY_LIMIT}"),
}


@pytest.mark.parametrize("case", UNUSABLE)
def test_reply_without_code_is_rejected_with_its_reason_and_what_to_do(case: str) -> None:
    text, finish, reason = UNUSABLE[case]
    result = rejected(text, finish)
    assert reason in result.reason
    assert result.hint


def test_words_of_regret_before_code_are_no_refusal() -> None:
    assert read("I'm sorry for the mistake. Corrected:\n" + fence(CODE)) == CODE


# --- any text whatever ----------------------------------------------------------------------------------------------

PIECES = st.sampled_from(
    [
        "```",
        "```python\n",
        "\n```\n",
        "~~~",
        "<think>",
        "</think>",
        CODE,
        HELPER,
        USER,
        CODE[:-9],
        "\r\n",
        "\ufeff",
        "\x00",
        *[
            "def ",
            "def f(",
            "import torch\n",
            "@",
            "    return x\n",
            "I cannot",
            "\ud800",
            "\u00a0",
            "(" * 300,
            "- " * 50,
        ],
    ]
)
TEXTS = st.one_of(
    st.text(max_size=300),
    st.binary(max_size=300).map(lambda b: b.decode("utf-8", "surrogateescape")),
    st.lists(PIECES | st.text(max_size=10), max_size=12).map("".join),
)
FINISHES = st.sampled_from(["stop", "length", "content_filter", "STOP", "", "tool_calls"])


@settings(max_examples=300, deadline=None)
@given(text=TEXTS, finish=FINISHES)
@example(text=fence("x = " + "-" * 50_000 + "1\n"), finish="stop")  # the parser gives up with MemoryError
@example(text=fence("def f():\n    return a" + ".b" * 20_000), finish="stop")  # and here with RecursionError
@example(text=fence('def f():\n    return "\\d"\n'), finish="stop")  # and here with a warning
def test_any_text_gives_code_that_can_be_stored_or_a_rejection(text: str, finish: str) -> None:
    result = read(text, finish)
    if isinstance(result, Rejected):
        assert result.stage == "reply"
        assert result.reason
        assert result.hint
    else:
        assert "def " in result
        assert result.encode("utf-8").decode("utf-8") == result == result.rstrip() + "\n"
        assert not {"\r", "\x00", "\ufeff"} & set(result)


@settings(max_examples=60, deadline=None)
@given(before=st.text(st.characters(exclude_characters="`~<", exclude_categories=("Cs",)), max_size=80))
def test_words_before_the_code_never_change_it(before: str) -> None:
    assert read(f"{before}\n{fence(CODE)}") == CODE


@pytest.mark.parametrize(
    "text",
    ["```" + " " * 200_000 + "`", "`" * 300_000, "<think>" * 40_000, "```python\ndef f(): return g\n```\n" * 10_000],
    ids=["spaces behind a fence", "backticks", "think tags", "many blocks"],
)
def test_hostile_text_is_read_in_a_moment(text: str) -> None:
    result = read(text)
    assert isinstance(result, Rejected) or ast.parse(result)
