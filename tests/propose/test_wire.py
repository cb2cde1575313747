"""Reading what came back: any body at all is an answer or a fault, never an exception."""

from __future__ import annotations

import json

import httpx
import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewardsmith.propose.wire import Answer, Fault, _fault, read_completion

JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.sampled_from(["choices", "message", "content", "usage", "error"]), inner)
    ),
    max_leaves=12,
)


@given(st.text() | JSON.map(json.dumps))
def test_no_body_can_make_reading_it_fail(body: str) -> None:
    assert isinstance(read_completion(body), Answer | Fault)


@given(st.text(), st.sampled_from(["stop", "length", "content_filter", "tool_calls"]))
def test_an_answers_text_is_kept_to_the_letter(text: str, finish: str) -> None:
    body = json.dumps({"choices": [{"message": {"content": text}, "finish_reason": finish}]})
    assert read_completion(body) == Answer(text=text, finish=finish)


def test_tokens_are_read_where_they_are_given() -> None:
    usage = {"prompt_tokens": 9, "completion_tokens": 4, "prompt_tokens_details": {"cached_tokens": 8}, "cost": 0.5}
    body = json.dumps({"choices": [{"message": {"content": "x"}, "finish_reason": "stop"}], "usage": usage})
    assert read_completion(body) == Answer(
        text="x", finish="stop", tokens_in=9, tokens_out=4, tokens_in_cached=8, cost_usd=0.5
    )


@pytest.mark.parametrize(
    "odd",
    [
        {"cost": {"total_cost": 0.01}}, {"cost": -1}, {"cost": "free"}, {"prompt_tokens_details": []},
        {"prompt_tokens_details": {"cached_tokens": "n/a"}},
    ],
)  # fmt: skip
def test_one_odd_entry_of_a_bill_does_not_void_the_rest(odd: dict[str, object]) -> None:
    usage = {"prompt_tokens": 9, "completion_tokens": 4, **odd}
    answer = read_completion(json.dumps({"choices": [{"message": {"content": "x"}}], "usage": usage}))
    assert isinstance(answer, Answer)
    assert (answer.tokens_in, answer.tokens_out, answer.tokens_in_cached, answer.cost_usd) == (9, 4, 0, None)


def test_a_provider_that_broke_off_is_a_fault_and_no_empty_answer() -> None:
    broken = {"message": {"content": ""}, "finish_reason": "error", "error": {"code": 502, "message": "Disconnected"}}
    fault = read_completion(json.dumps({"choices": [broken]}))
    assert isinstance(fault, Fault)
    assert (fault.status, fault.detail) == (502, "Disconnected")


@pytest.mark.parametrize("usage", [None, {}, {"prompt_tokens": None}, {"prompt_tokens": -5}, {"cost": "NaN"}, 3])
def test_tokens_that_are_not_given_count_as_none(usage: object) -> None:
    body = json.dumps({"choices": [{"message": {"content": "x"}}], "usage": usage})
    answer = read_completion(body)
    assert isinstance(answer, Answer)
    assert (answer.tokens_in, answer.tokens_out, answer.cost_usd) == (0, 0, None)


@pytest.mark.parametrize(
    "body", ["", "<html>", "[]", "{}", '{"choices": []}', '{"choices": null}', '{"choices": [{}]}']
)
def test_a_success_that_holds_no_message_is_garbled(body: str) -> None:
    fault = read_completion(body)
    assert fault == Fault(detail=body, garbled=True)


def test_an_error_under_status_200_has_the_status_it_names() -> None:
    fault = read_completion('{"error": {"message": "upstream is busy", "code": 502}}')
    assert fault == Fault(detail="upstream is busy", status=502, code="502")


def test_of_an_error_that_litellm_raised_its_words_are_kept_and_not_its_traceback() -> None:
    raised = openai.APIError(
        "litellm.APIConnectionError: Missing key.\nTraceback (most recent call last):\n  File ...",
        httpx.Request("POST", "http://x"), body=None,
    )  # fmt: skip
    raised.status_code = 500  # type: ignore[attr-defined]  # as litellm's errors have one
    assert _fault(raised) == Fault(detail="litellm.APIConnectionError: Missing key.", status=500)
