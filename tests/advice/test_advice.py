"""Which settings want a model, and that one is refused in time where there is none."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from rewardsmith import advice, feedback
from rewardsmith.config import EvolveConfig
from rewardsmith.errors import ConfigError
from rewardsmith.interfaces import Ask


def config(**sections: object) -> EvolveConfig:
    return EvolveConfig.model_validate({"model": "replay:x", **sections})


def test_nothing_is_asked_for_unless_the_settings_say_so() -> None:
    assert advice.wanting(EvolveConfig()) == ()
    advice.refuse_unusable(EvolveConfig())


def test_the_settings_that_ask_a_model_are_named() -> None:
    asked = config(advice={"critic_rounds": 2}, feedback={"sources": ["curves", "llm_judge", "analyzer"]})
    assert advice.wanting(asked) == (
        "advice.critic_rounds=2", "feedback source 'llm_judge'", "feedback source 'analyzer'",
    )  # fmt: skip
    advice.refuse_unusable(asked)


@pytest.mark.parametrize(
    ("sections", "said"),
    [
        ({"advice": {"critic_rounds": 1}}, r"^advice.critic_rounds=1 must ask a model, and model is 'offline'"),
        ({"feedback": {"sources": ["analyzer"]}}, r"^feedback source 'analyzer' must ask a model"),
        ({"feedback": {"sources": ["llm_judge"]}, "search": {"rank_by": "llm"}}, r"^feedback source 'llm_judge' must"),
    ],
)
def test_offline_cannot_be_asked_for_advice(sections: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        advice.refuse_unusable(config(**sections, model="offline"))


def test_ranking_by_a_judge_needs_the_judge() -> None:
    with pytest.raises(ConfigError, match=r"Add llm_judge to feedback.sources"):
        advice.refuse_unusable(config(search={"rank_by": "llm"}))
    advice.refuse_unusable(config(search={"rank_by": "llm"}, feedback={"sources": ["llm_judge"]}))


def test_sources_of_advice_are_chosen_among_the_others_by_name(answering: Callable[[Mapping[str, str]], Ask]) -> None:
    asked = config(feedback={"sources": ["llm_judge", "curves", "analyzer"]})
    ready = advice.sources(asked, answering({"g001-00.critic1": "VERDICT: fine"}))
    assert tuple(ready) == advice.NAMES
    chosen = feedback.sources(asked.feedback.sources, asked.feedback, ready=ready)
    assert [source.name for source in chosen] == ["llm_judge", "curves", "analyzer"]
    with pytest.raises(ConfigError, match="Did you mean 'analyzer'"):
        feedback.sources(("analyser",), asked.feedback, ready=ready)
