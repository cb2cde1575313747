"""The key of a request: the same for the same question, another for any other."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rewardsmith.interfaces import Request
from rewardsmith.propose.asking import RepliesInMemory, described, request_key
from rewardsmith.types import Message, Reply

Ask = Callable[..., Request]
PARAMS = {"temperature": 0.5, "max_tokens": 10}


def test_the_key_of_a_request_never_changes_between_versions(ask: Ask) -> None:
    """sha256 of {"index":0,"messages":[["system","You write rewards."],["user","Hi"]],"model":"a/b","params":{}}."""
    key = request_key(ask("g001-00", "Hi"), model="a/b", params={})
    assert key == "890ce2274c3a98c7de3602398fe70ee80bf7a8af8412ee237052043e7e8bd731"


def test_neither_the_order_of_parameters_nor_the_candidate_changes_the_key(ask: Ask) -> None:
    turned = dict(reversed(PARAMS.items()))
    assert request_key(ask("a"), model="m/x", params=PARAMS) == request_key(ask("b"), model="m/x", params=turned)


def test_model_words_parameters_and_index_each_change_the_key(ask: Ask) -> None:
    keys = [
        request_key(ask(), model="m/x", params=PARAMS),
        request_key(ask(), model="m/y", params=PARAMS),
        request_key(ask(words="Other."), model="m/x", params=PARAMS),
        request_key(ask(), model="m/x", params={**PARAMS, "temperature": 0.6}),
        request_key(ask(index=1), model="m/x", params=PARAMS),
    ]
    assert len(set(keys)) == len(keys)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(first=st.lists(st.text(), max_size=3), second=st.lists(st.text(), max_size=3))
def test_two_conversations_share_a_key_only_if_they_are_equal(ask: Ask, first: list[str], second: list[str]) -> None:
    def key(contents: list[str]) -> str:
        request = ask()
        messages = tuple(Message(role="user", content=content) for content in contents)
        prompt = dataclasses.replace(request.prompt, messages=messages)
        return request_key(dataclasses.replace(request, prompt=prompt), model="m/x", params={})

    assert (key(first) == key(second)) == (first == second)


def test_what_is_recorded_of_a_request_is_plain_json(ask: Ask) -> None:
    said = described(ask("g001-03", index=3), model="m/x", params=PARAMS)
    assert json.loads(json.dumps(said)) == said
    assert (said["candidate"], said["index"], said["params"]) == ("g001-03", 3, PARAMS)


def test_a_reply_is_stored_only_after_it_was_sent_for() -> None:
    store = RepliesInMemory()
    with pytest.raises(AssertionError, match="never recorded as sent"):
        store.put("key", Reply(text="", finish="stop", model="m"))
