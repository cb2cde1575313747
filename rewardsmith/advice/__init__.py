"""What else a model is asked: a review of a reward before it is trained, why episodes failed, how good an episode was.

critic       reviews drafts; `drafting` has them revised (setting advice.critic_rounds)
analyzer     a feedback source: why failed episodes failed, from their signals
llm_judge    a feedback source: how well an episode does what the goal says, from its signals or from pictures of it

All of it is opinion: it is quoted where a prompt passes it on, it can reject nothing, and a reply that is not of the
form asked for says nothing. Questions go through `interfaces.Ask`; this package knows no model and no key.
"""

from __future__ import annotations

from collections.abc import Mapping

from rewardsmith.advice import analyzer, critic, judge, shown, sight
from rewardsmith.advice.source import Advice
from rewardsmith.config import EvolveConfig
from rewardsmith.errors import ConfigError
from rewardsmith.interfaces import Ask, Eyes

__all__ = [
    "NAMES",
    "analyzer",
    "asked",
    "critic",
    "judge",
    "looks",
    "pairs",
    "refuse_unusable",
    "sight",
    "sources",
    "wanting",
]

NAMES = (analyzer.NAME, judge.NAME)
"""The feedback sources that ask a model."""
KEPT = 3  # episodes of an attempt, with a middle one between the worst and the best


def sources(config: EvolveConfig, ask: Ask, eyes: Eyes | None = None) -> Mapping[str, Advice]:
    """The feedback sources that ask a model, by name; making them asks nothing.

    `eyes` draw what the judge looks at, where the settings have it look (`looks`).
    """
    show = shown.pictures(eyes, tables=config.advice.look == "both") if eyes else shown.signals
    return {
        analyzer.NAME: analyzer.source(ask, episodes=config.advice.episodes),
        judge.NAME: judge.source(ask, pairs=pairs(config), show=show),
    }


def looks(config: EvolveConfig) -> bool:
    """Whether the settings have a judge look at pictures."""
    return judge.NAME in config.feedback.sources and config.advice.look != "summaries"


def pairs(config: EvolveConfig) -> int:
    """How many pairs of attempts the judge compares in a generation: none unless it ranks, as nobody else uses them."""
    return config.advice.pairs if config.search.rank_by == "llm" else 0


def asked(config: EvolveConfig) -> str:
    """The model that is asked for advice: the settings' own for it, or else the run's."""
    return config.advice.model or config.model


def wanting(config: EvolveConfig) -> tuple[str, ...]:
    """The settings that have a model asked for advice, as a person would write them."""
    review = (f"advice.critic_rounds={config.advice.critic_rounds}",) if config.advice.critic_rounds else ()
    return review + tuple(f"feedback source '{name}'" for name in config.feedback.sources if name in NAMES)


def refuse_unusable(config: EvolveConfig) -> None:
    """Raises: ConfigError: advice is wanted where no model can be asked or too few episodes are kept, or ranking by a
    judge that is not asked.
    """
    wanted = wanting(config)
    if wanted and asked(config) == "offline":
        raise ConfigError(
            f"{' and '.join(wanted)} must ask a model, and model is 'offline', which is none. Choose --model "
            "provider/model, manual or replay:PATH, or leave the setting out."
        )
    if config.advice.critic_rounds and config.model == "offline":
        raise ConfigError(
            f"{wanted[0]} has drafts revised, and model is 'offline', which revises none. Choose --model "
            "provider/model, manual or replay:PATH, or leave the setting out."
        )
    if config.search.rank_by == "llm" and judge.NAME not in config.feedback.sources:
        raise ConfigError(
            f"search.rank_by is 'llm', and nobody scores: feedback.sources is {list(config.feedback.sources)}. "
            f"Add {judge.NAME} to feedback.sources, or set search.rank_by=fitness."
        )
    shown = [f"'{name}'" for name in config.feedback.sources if name in NAMES]
    if shown and config.judge.keep < KEPT:
        raise ConfigError(
            f"Feedback source {' and '.join(shown)} must be shown an attempt's worst or middle episode, and judge.keep "
            f"is {config.judge.keep}. Expected {KEPT} or more: the worst, the best, and others between."
        )
