"""Which settings want a model, and that one is refused in time where there is none."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from rewardsmith import advice, feedback
from rewardsmith.config import EvolveConfig
from rewardsmith.errors import ConfigError
from rewardsmith.interfaces import Ask, Scene
from rewardsmith.types import Attempt, Task, Trajectory


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


@pytest.mark.parametrize("name", advice.NAMES)
@pytest.mark.parametrize("keep", [0, 1, 2, 3])
def test_advice_on_episodes_needs_a_worst_a_best_and_one_between(name: str, keep: int) -> None:
    asked = config(judge={"keep": keep}, feedback={"sources": [name]})
    if keep == 3:
        advice.refuse_unusable(asked)
        return
    with pytest.raises(ConfigError, match=rf"^Feedback source '{name}' .* judge.keep is {keep}. Expected 3 or more"):
        advice.refuse_unusable(asked)
    advice.refuse_unusable(config(judge={"keep": keep}, advice={"critic_rounds": 1}))


@pytest.mark.parametrize(("rank_by", "compared"), [("llm", 1), ("fitness", 0)])
def test_pairs_are_compared_only_where_the_judge_ranks(
    task: Task, attempt: Callable[..., Attempt], episode: Callable[..., Trajectory],
    answering: Callable[[Mapping[str, str]], Ask], rank_by: str, compared: int,
) -> None:  # fmt: skip
    batch = tuple(attempt(f"g001-0{i}", episode(0.4)) for i in range(2))
    said = "The distance ends up at 0.4 m.\nSCORE: 0."
    scores = {f"g001-0{i}.score{n}": f"{said}{5 - i}" for i in (0, 1) for n in (1, 2)}
    pairs = {f"g001-00.pair{n}": "The distance is the same in both.\nBETTER: equal" for n in (1, 2)}
    asked = config(search={"rank_by": rank_by}, feedback={"sources": ["llm_judge"]})
    scene = Scene(task=task, batch=batch)
    source = advice.sources(asked, answering(scores | pairs if compared else scores))["llm_judge"]
    told = [source.comment(a, scene) for a in batch]
    assert [said.score for said in told if said] == [0.5, 0.4]
    assert sum(len(said.preferences) for said in told if said) == compared


def test_sources_of_advice_are_chosen_among_the_others_by_name(answering: Callable[[Mapping[str, str]], Ask]) -> None:
    asked = config(feedback={"sources": ["llm_judge", "curves", "analyzer"]})
    ready = advice.sources(asked, answering({"g001-00.critic1": "VERDICT: fine"}))
    assert tuple(ready) == advice.NAMES
    chosen = feedback.sources(asked.feedback.sources, asked.feedback, ready=ready)
    assert [source.name for source in chosen] == ["llm_judge", "curves", "analyzer"]
    with pytest.raises(ConfigError, match="Did you mean 'analyzer'"):
        feedback.sources(("analyser",), asked.feedback, ready=ready)
