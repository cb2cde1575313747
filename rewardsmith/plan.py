"""What a run would do and may cost, for `evolve --dry-run`. Whatever is not counted but guessed says so."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pydantic import BaseModel

from rewardsmith import advice, prompting, sim
from rewardsmith.anchors.scale import shipped
from rewardsmith.assemble import Extras
from rewardsmith.config import EvolveConfig
from rewardsmith.display import count_words, duration_words
from rewardsmith.environment import raw_env_steps_per_s
from rewardsmith.finals import FACTORS
from rewardsmith.interfaces import Brief
from rewardsmith.learn.kinds import whole_steps
from rewardsmith.play import random_states, ranges_of
from rewardsmith.propose.prices import price_of
from rewardsmith.types import Prompt, Task

CHARACTERS_PER_TOKEN = 4  # a rule of thumb for English and Python
TRAINING_SHARE = 0.5  # training throughput as a share of bare stepping, roughly; see benchmarks/train_speed.py


def plan_words(task: Task, config: EvolveConfig, extras: Extras) -> list[str]:
    """The plan, line by line. Steps the task's simulator for about a second."""
    return [
        *_settings_words(config),
        "",
        *_training_words(task, config, extras),
        "",
        *_model_words(task, config, seeded=len(extras.seeded)),
    ]


def changed_settings(config: BaseModel, defaults: BaseModel, prefix: str = "") -> Iterator[tuple[str, object, object]]:
    """Dotted name, value and default of each setting that is not at its default."""
    for name in type(config).model_fields:
        value, default = getattr(config, name), getattr(defaults, name)
        if isinstance(value, BaseModel):
            yield from changed_settings(value, default, f"{prefix}{name}.")
        elif value != default:
            yield f"{prefix}{name}", value, default


def env_steps_of(config: EvolveConfig, *, seeded: int, references: int) -> int:
    """Training env steps of the whole run if no candidate is rejected, in whole rollouts."""
    train, search = config.train, config.search
    trainings = train.seeds * (search.restarts * search.generations * search.offspring + seeded) + references
    return whole_steps(train) * trainings


def judge_steps_of(task: Task, config: EvolveConfig, *, seeded: int, references: int) -> int:
    """At most so many env steps for judging: random play, every policy by two checkpoints, then the finalists again.

    The finalists are also played in each world that is to be tried, be it that the simulator can make it or not.
    """
    search, judge = config.search, config.judge
    policies = config.train.seeds * (search.restarts * search.generations * search.offspring + seeded) + references
    worlds = sum(FACTORS[kind] if kind == "horizon" else 1.0 for kind in judge.probes)
    fresh = (judge.finalists + references) * judge.final_episodes + judge.finalists * judge.episodes * worlds
    return round(task.episode_steps * (config.pool.random + 2 * policies * judge.episodes + fresh))


def advice_calls_of(config: EvolveConfig, *, seeded: int) -> tuple[tuple[str, int], ...]:
    """What else than for rewards the model is asked, each with the calls it takes at most in the whole run.

    The `seeded` rewards are a generation of their own, which is judged and analysed but not reviewed.
    """
    search, sources = config.search, config.feedback.sources
    generations = search.restarts * search.generations
    rewards = generations * search.offspring
    pairs = advice.pairs(config) * (generations + (seeded > 1))
    calls = {
        "reviews and revisions by the critic's word": 2 * rewards * config.advice.critic_rounds,
        "analyzer": rewards + seeded if "analyzer" in sources else 0,
        "judge": 2 * (rewards + seeded + pairs) if "llm_judge" in sources else 0,
        "whether it sees": 1 if advice.looks(config) else 0,
    }
    return tuple((what, count) for what, count in calls.items() if count)


def _settings_words(config: EvolveConfig) -> list[str]:
    changed = list(changed_settings(config, EvolveConfig()))
    lines = [f"  {name} = {value}  (default {default})" for name, value, default in changed]
    return ["settings that are not at their default:", *(lines or ["  none"])]


def _training_words(task: Task, config: EvolveConfig, extras: Extras) -> list[str]:
    search, train = config.search, config.train
    references = (2 if task.references.expert else 1) if extras.references else 0
    total = env_steps_of(config, seeded=len(extras.seeded), references=references)
    speed = raw_env_steps_per_s(task, num_envs=min(512, train.num_envs * search.offspring))
    judging = judge_steps_of(task, config, seeded=len(extras.seeded), references=references)
    chains = f"{search.restarts} chains x " if search.restarts > 1 else ""
    return [
        f"plan: {chains}{search.generations} generations x {search.offspring} rewards x {train.env_steps:,} env steps"
        + (f" x {train.seeds} seeds" if train.seeds > 1 else "")
        + (f", {len(extras.seeded)} seeded" if extras.seeded else "")
        + (f", {references} references" if references else ""),
        f"env steps, if nothing is rejected: {count_words(total)} of training, up to {count_words(judging)} of judging "
        f"({config.judge.episodes} episodes a policy, {config.judge.final_episodes} for a finalist)",
        f"time: about {duration_words((total + judging) / (speed * TRAINING_SHARE))}, an estimate: bare stepping does "
        f"{speed:,.0f} env steps/s here (measured for a second), the whole about {TRAINING_SHARE:.0%} of that; "
        "waiting for a model or a person comes on top",
        *_simplify_words(config),
    ]


def _simplify_words(config: EvolveConfig) -> list[str]:
    seeds, each = config.judge.simplify_seeds, config.train.env_steps
    words = (
        f"simplifying the winner at the end comes on top: with 5 components {seeds * 6} to {seeds * 15} trainings of "
        f"{each:,} env steps"
    )
    return [words] if config.judge.simplify else []


def _model_words(task: Task, config: EvolveConfig, *, seeded: int) -> list[str]:
    search, advised = config.search, advice_calls_of(config, seeded=seeded)
    calls = search.restarts * search.generations * search.offspring
    if config.model == "offline":
        return [
            f"model: none (offline); no calls{' for rewards' if advised else ', no tokens'}",
            *_advice_words(config, advised),
        ]
    tokens = sum(len(m.content) for m in _first_prompt(task, config).messages) // CHARACTERS_PER_TOKEN
    return [
        f"model: {config.model}; {calls} calls, and up to {search.repairs} more for each rejected draft",
        f"first prompt: about {tokens:,} tokens ({CHARACTERS_PER_TOKEN} characters a token, a rule of thumb); later "
        f"ones also carry up to {search.history_turns} earlier rewards with their feedback",
        *_advice_words(config, advised),
        f"replies: at most {config.propose.max_tokens:,} tokens each",
        _cost_words(config, calls=calls, tokens=tokens, advised=bool(advised)),
    ]


def _advice_words(config: EvolveConfig, calls: Sequence[tuple[str, int]]) -> list[str]:
    told = ", ".join(f"{what} {count}" for what, count in calls)
    total = sum(count for _, count in calls)
    looks = f"; the judge is shown {config.advice.frames} pictures of each episode" if advice.looks(config) else ""
    return [f"advice: up to {total} more calls and their tokens ({told}){looks}"] if calls else []


def _first_prompt(task: Task, config: EvolveConfig) -> Prompt:
    """The prompt of generation 1, rendered as the loop renders it."""
    states = random_states(task, sim.make, seed=0, rows=64)
    brief = Brief(
        task=task,
        env_steps=config.train.env_steps,
        gamma=config.train.gamma,
        anchors=shipped(task, env_steps=config.train.env_steps),
        ranges=ranges_of(task, states),
    )
    return prompting.render(brief, settings=config.search, train=config.train)


def _cost_words(config: EvolveConfig, *, calls: int, tokens: int, advised: bool) -> str:
    provider, _, name = config.model.partition("/")
    price = price_of(provider, name) if name else None
    if price is None:
        return "cost: no price known for this model"
    more = " and advice" if advised else ""
    least = calls * price.cost_usd(tokens_in=tokens, tokens_out=0)
    most = calls * price.cost_usd(tokens_in=tokens, tokens_out=config.propose.max_tokens)
    return (
        f"cost: ${least:.2f} for first prompts alone to ${most:.2f} with every reply at its longest; "
        f"repairs{more} on top"
    )
