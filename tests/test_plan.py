"""What a dry run counts, worked out by hand."""

from __future__ import annotations

from rewardsmith import taskfile
from rewardsmith.config import AdviceSettings, EvolveConfig, FeedbackSettings
from rewardsmith.plan import advice_calls_of, changed_settings, env_steps_of, judge_steps_of

CONFIG = EvolveConfig.model_validate(
    {
        "search": {"generations": 3, "offspring": 4, "restarts": 2},
        "train": {"env_steps": 1000, "num_envs": 8, "rollout_steps": 64},
        "judge": {"episodes": 5, "final_episodes": 10},
    }
)


def test_env_steps_count_whole_rollouts_of_every_candidate() -> None:
    # a rollout is 8 * 64 = 512 steps; 1000 / 512 rounds to 2 rollouts; 2 * 3 * 4 candidates, 1 seeded, 2 references
    assert env_steps_of(CONFIG, seeded=1, references=2) == 1024 * (24 + 1 + 2)


def test_judging_counts_every_candidate_then_the_winner_and_the_references() -> None:
    task = taskfile.load("reacher_reach").task  # 50 steps an episode
    # random 16; 24 + 1 + 2 policies, two checkpoints of 5; 3 finalists and 2 references of 10; 3 of 5 in worlds that
    # are 1 + 1 + 1 + 2 episodes long
    episodes = 16 + 27 * 2 * 5 + 5 * 10 + 3 * 5 * 5
    assert judge_steps_of(task, CONFIG, seeded=1, references=2) == 50 * episodes


def test_only_settings_off_their_default_are_told_with_their_full_name() -> None:
    changed = {name: (value, default) for name, value, default in changed_settings(CONFIG, EvolveConfig())}
    assert changed["search.generations"] == (3, 5)
    assert changed["judge.episodes"] == (5, 16)
    assert "search.repairs" not in changed
    assert "seed" not in changed


def test_advice_counts_every_question_at_most() -> None:
    assert advice_calls_of(CONFIG, seeded=2) == ()
    asked = CONFIG.model_copy(
        update={
            "advice": AdviceSettings(critic_rounds=2, pairs=3),
            "feedback": FeedbackSettings(sources=("analyzer", "llm_judge")),
            "search": CONFIG.search.model_copy(update={"rank_by": "llm"}),
        }
    )
    # 24 rewards in 6 generations: 2 reviews and 2 revisions each; 1 analysis each; 2 scores each and 3 pairs twice
    assert dict(advice_calls_of(asked, seeded=0)) == {
        "reviews and revisions by the critic's word": 24 * 4,
        "analyzer": 24,
        "judge": 24 * 2 + 6 * 3 * 2,
    }
    # two seeded rewards are a seventh generation, which nobody reviews; one alone has none to be compared with
    assert dict(advice_calls_of(asked, seeded=2)) == {
        "reviews and revisions by the critic's word": 24 * 4,
        "analyzer": 26,
        "judge": 26 * 2 + 7 * 3 * 2,
    }
    assert dict(advice_calls_of(asked, seeded=1))["judge"] == 25 * 2 + 6 * 3 * 2


def test_a_judge_that_does_not_rank_compares_no_pairs() -> None:
    asked = CONFIG.model_copy(
        update={"advice": AdviceSettings(pairs=3), "feedback": FeedbackSettings(sources=("llm_judge",))}
    )
    assert dict(advice_calls_of(asked, seeded=0)) == {"judge": 2 * 24}


def test_a_judge_that_looks_is_asked_once_more_whether_it_sees() -> None:
    asked = CONFIG.model_copy(
        update={"advice": AdviceSettings(look="frames"), "feedback": FeedbackSettings(sources=("llm_judge",))}
    )
    assert dict(advice_calls_of(asked, seeded=0)) == {"judge": 2 * 24, "whether it sees": 1}
