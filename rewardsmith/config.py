"""Settings of a run: frozen models with their defaults, and the layers they are merged from.

Layers, later ones winning: defaults < preset < method < task < file < `--set a.b=c`. An unknown key is an error that
names file, line and the closest known key. What a task *is* stands in `taskfile.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from rewardsmith import resources, yamlfile
from rewardsmith.errors import ConfigError
from rewardsmith.types import Disturbed

Layer = Mapping[str, object]
"""Some of the settings, sections as nested mappings; what it leaves out is left to the layers below."""


class Settings(BaseModel):
    """Base of all settings: frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class SearchSettings(Settings):
    """How candidates are sought."""

    strategy: Literal["greedy", "dialogue"] = Field(
        "greedy", description="greedy: the parent is the best so far; dialogue: the last one, whatever became of it"
    )
    generations: int = Field(5, ge=1, description="generations in one chain")
    offspring: int = Field(8, ge=1, le=100, description="candidates in a generation")
    restarts: int = Field(1, ge=1, description="independent chains; the best of all wins")
    rank_by: Literal["fitness", "llm"] = Field(
        "fitness", description="what the best is known by; llm: the score of feedback source llm_judge"
    )
    history_turns: int = Field(4, ge=1, le=32, description="earlier attempts kept in the conversation")
    history_omits: tuple[str, ...] = Field(
        ("trajectory", "signals", "ending", "preference", "analyzer"),
        description="feedback sources told of the latest of these attempts alone",
    )
    siblings: int = Field(4, ge=0, le=32, description="other attempts of the last generation told in a line each")
    earlier: int = Field(8, ge=0, le=64, description="attempts of generations before it told so too, the best ones")
    repairs: int = Field(2, ge=0, le=10, description="times a rejected draft is asked for again")
    refit: int = Field(
        0,
        ge=0,
        description="offspring a generation that are the parent, or bests before it, with their numbers refitted",
    )
    env_source: bool = Field(False, description="show the environment's observation description to the model")
    anchors: bool = Field(True, description="tell the model what random actions and the expert's policy reach")


class ProposeSettings(Settings):
    """How a model is asked."""

    temperature: float = Field(1.0, ge=0.0, le=2.0)
    max_tokens: int = Field(4096, ge=64)
    concurrency: int = Field(8, ge=1, description="requests in flight at once")
    timeout_s: float = Field(180.0, gt=0, description="seconds to wait for a whole reply")
    retries: int = Field(6, ge=0, description="attempts after a 429, a 5xx or a time-out")


class RaceSettings(Settings):
    """Which candidates train on between the legs of a training."""

    enabled: bool = Field(True, description="false: everybody trains for the whole budget (`--no-race`)")
    keep: float = Field(0.25, gt=0, le=1, description="share that is never dropped, the best so far; 1: nobody is")
    finalists: int = Field(2, ge=1, description="how many these are at least")
    legs: int = Field(1, ge=1, description="legs that every candidate is given")
    doubt: float = Field(1.0, gt=0, description="standard errors by which fitness may be better or worse than seen")
    solved: float | None = Field(
        0.98, gt=0, le=1, description="stop a candidate once this share of its episodes succeeds; null: never"
    )
    patience: int | None = Field(
        2, ge=1, description="stop it where, for so many legs, own reward rose and fitness fell; null: never"
    )


class FarmSettings(Settings):
    """What the groups of candidates may use where they train on other machines. See docs/distributed.md."""

    groups: int = Field(4, ge=1, description="groups that the candidates are dealt into, a job each")
    cpus: int = Field(4, ge=1, description="cores of each group")
    gpus: float = Field(0.0, ge=0, description="GPUs of each group; with Ray a fraction shares one")
    memory_gib: float | None = Field(None, gt=0, description="memory of each group; null: the cluster's default")
    tries: int = Field(3, ge=1, description="times a group is trained where its machine is lost, the first included")
    address: str | None = Field(None, description="Ray's head, e.g. 10.0.0.1:6379; null: RAY_ADDRESS, or here")
    cluster: Literal["slurm", "local"] = Field(
        "slurm", description="for where: slurm; local: processes of this machine, to try it without a cluster"
    )
    minutes: int = Field(240, ge=1, description="for slurm: what a job may take; one that takes more is queued anew")
    folder: str = Field(
        "~/.cache/rewardsmith/jobs", description="for slurm: where jobs and logs are kept; all nodes must see it"
    )
    parameters: dict[str, str | int | float | bool] = Field(
        {}, description="for slurm: further parameters of submitit's executor, e.g. slurm_partition"
    )


class SacSettings(Settings):
    """Soft actor-critic, per candidate: what it does not share with PPO. See docs/off-policy.md."""

    learning_rate: float = Field(1e-3, gt=0, description="constant, of actor, critics and temperature")
    batch: int = Field(256, ge=1, description="remembered steps a gradient step learns from")
    steps_per_env_step: float = Field(1 / 8, gt=0, description="gradient steps for each env step")
    actor_every: int = Field(2, ge=1, description="the actor and the temperature learn at every so many of them")
    ahead: int = Field(3, ge=1, description="env steps from a state to the one whose value counts in its target")
    target_rate: float = Field(0.01, gt=0, le=1, description="how far target critics follow at each gradient step")
    temperature: float = Field(0.1, gt=0, description="of the entropy at first")
    entropy: float = Field(-1.0, description="the entropy of each action that the temperature is steered towards")
    warmup_steps: int = Field(8192, ge=0, description="env steps of uniformly random actions before it learns")
    replay_steps: int = Field(500_000, ge=1, description="latest env steps that are remembered")


class TrainSettings(Settings):
    """How one candidate's policy is trained. A rollout is `num_envs * rollout_steps` env steps: PPO's batch."""

    preset: str = Field("default", description="a file in rewardsmith/presets/, applied below everything else")
    env_steps: int = Field(1_000_000, ge=1, description="control steps a candidate trains for")
    algorithm: Literal["ppo", "sac"] = Field("ppo", description="sac: off-policy, see docs/off-policy.md")
    seeds: int = Field(
        1, ge=1, le=20, description="trainings of each candidate, side by side; the median one stands for it"
    )
    num_envs: int = Field(16, ge=1)
    rollout_steps: int = Field(128, ge=2)
    epochs: int = Field(5, ge=1)
    minibatches: int = Field(4, ge=1)
    learning_rate: float = Field(3e-4, gt=0)
    target_kl: float | None = Field(
        0.02,
        gt=0,
        description="the learning rate is adapted towards this KL, between 1e-5 and 2e-3 or what it begins at; null: "
        "constant",
    )
    gamma: float = Field(0.99, ge=0, le=1)
    gae_lambda: float = Field(0.95, ge=0, le=1)
    clip_coef: float = Field(0.2, gt=0)
    clip_value: bool = Field(False, description="PPO's clipped value loss")
    value_coef: float = Field(0.5, ge=0)
    entropy_coef: float = Field(0.0, ge=0)
    max_grad_norm: float = Field(0.5, gt=0)
    hidden: tuple[Annotated[int, Field(ge=1)], ...] = (64, 64)
    activation: Literal["tanh", "elu", "relu"] = "tanh"
    init_log_std: float = 0.0
    normalise_obs: bool = True
    normalise_reward: bool = True
    curve_points: int = Field(50, ge=10, description="points kept in each curve")
    device: Literal["auto", "cpu", "cuda"] = "auto"
    legs: int = Field(
        8, ge=1, description="parts of a training, each with fresh episodes; candidates are compared in between"
    )
    race: RaceSettings = RaceSettings()
    sac: SacSettings = SacSettings()
    workers: int | None = Field(
        None, ge=1, description="threads that train some of the candidates each; null: one a core, at most 4"
    )
    at_once: int | None = Field(
        None, ge=1, description="candidates that train side by side; null: all, or as many as the free memory takes"
    )
    threads: int = Field(1, ge=1, description="torch threads of each worker; more than 1 slows small machines")
    resume_steps: int = Field(
        500_000,
        ge=1,
        description="env steps of a candidate after which, at the latest, there is a point from which a training that "
        "was killed goes on; episodes begin afresh there, as between legs",
    )
    checkpoint_minutes: float = Field(
        2.0, ge=0, description="a training under way is saved at such points, once these minutes have passed"
    )
    warm_start: float = Field(
        0.0, ge=0, le=1, description="share of the best parent's policy in the weights a child begins with; 0: none"
    )
    where: Literal["here", "ray", "slurm"] = Field(
        "here", description="on this machine, or in groups on others; the numbers are the same"
    )
    farm: FarmSettings = FarmSettings()


class JudgeSettings(Settings):
    """How fitness is measured, and which episodes are kept."""

    episodes: int = Field(16, ge=2, description="episodes that select")
    final_episodes: int = Field(64, ge=2, description="episodes that measure the winner again")
    keep: int = Field(4, ge=0, le=64, description="judged episodes of each candidate kept as trajectories")
    finalists: int = Field(3, ge=1, description="candidates measured again and disturbed at the end, best first")
    probes: tuple[Disturbed, ...] = Field(
        ("reset_noise", "mass", "friction", "horizon"), description="how the finalists' world is disturbed at the end"
    )
    simplify: bool = Field(
        False,
        description="at the end, train the winner without each of its components, and drop those it can do without",
    )
    simplify_seeds: int = Field(5, ge=2, description="trainings of each of these rewards")


class PoolSettings(Settings):
    """The run's known episodes: what a candidate is screened against and told of."""

    keep: int = Field(400, ge=2, description="episodes kept, spread over fitness, success and failure")
    max_age: int = Field(0, ge=0, description="generations after which a candidate's episode leaves; 0: never")
    random: int = Field(16, ge=0, description="episodes of random actions the run begins with")


class ScreenSettings(Settings):
    """What a reward must show on the run's known episodes before it is trained. See docs/screen.md."""

    duplicates: Literal["off", "same", "scaled", "shaped"] = Field(
        "same",
        description="which equals of a reward already judged are not trained again: the same program; the same rewards "
        "up to a factor; or up to potential shaping as well, which may yet learn faster",
    )
    duplicate_distance: float = Field(
        0.003, gt=0, lt=1, description="two rewards no further apart are equal (EPIC, or relative error once scaled)"
    )
    preference: Literal["off", "auc", "code", "paper"] = Field(
        "off",
        description="must score successes above failures; auc: share of pairs, its lower bound; code, paper: share "
        "above the best failure, by mean reward or discounted return, as CARD's code and its paper have it",
    )
    auc_at_least: float = Field(0.55, ge=0, le=1, description="for auc: what its lower bound must reach")
    auc_confidence: float = Field(0.95, gt=0.5, lt=1, description="for auc: of the one-sided bootstrap bound")
    share_at_least: float = Field(0.8, ge=0, le=1, description="for code and paper: the share that must be above")
    labels: Literal["auto", "success", "fitness"] = Field(
        "auto", description="what tells good episodes from bad; auto: success where the task declares it"
    )
    fitness_quantile: float = Field(0.25, gt=0, lt=0.5, description="for labels by fitness: the share at either end")
    least: int = Field(8, ge=1, description="good and bad episodes each without which nothing can be decided")
    demonstration: bool = Field(
        False, description="must score the expert above its noised self above random play, where an expert is known"
    )
    demonstration_at_least: float = Field(0.55, ge=0, le=1, description="share of pairs in order, at each step")
    audit: float = Field(0.0, ge=0, le=1, description="share of the rewards it would skip that is trained all the same")


class RefitSettings(Settings):
    """How a reward's numbers are fitted to the run's known episodes (search.refit). See docs/refit.md."""

    returns: Literal["discounted", "mean"] = Field(
        "discounted", description="what of an episode is compared: its return by train.gamma, or its mean reward"
    )
    ridge: float = Field(0.01, gt=0, description="pull towards the present numbers; more changes less")
    least_pairs: int = Field(40, ge=4, description="ranked pairs of episodes without which nothing is fitted")


class FeedbackSettings(Settings):
    """What the next prompt is told."""

    sources: tuple[str, ...] = ("changes", "summary", "hacking", "diagnosis", "ending", "trajectory")
    points: int = Field(10, ge=2, description="points shown of each curve, by the source curves")


class AdviceSettings(Settings):
    """What else a model is asked besides for rewards; each question costs tokens. See docs/advice.md."""

    critic_rounds: int = Field(0, ge=0, le=3, description="times a draft is reviewed, and revised, before training")
    episodes: int = Field(2, ge=1, le=8, description="failed episodes of an attempt that the analyzer is shown")
    pairs: int = Field(2, ge=0, le=16, description="pairs of attempts a generation that a judge that ranks compares")
    look: Literal["summaries", "frames", "both"] = Field(
        "summaries",
        description="what the judge is shown of an episode: its signals in a table, pictures of it, or both",
    )
    frames: int = Field(6, ge=2, le=24, description="pictures of an episode, evenly over its time")
    camera: int | str | None = Field(
        None, description="the model's camera that takes them, by number or name; null: as for `rewardsmith render`"
    )
    model: str | None = Field(None, description="who is asked, as for --model; null: the run's own model")
    temperature: float = Field(0.0, ge=0.0, le=2.0)


class LimitSettings(Settings):
    """What a run may spend; null is no limit. Reaching one ends the run with all saved. See docs/durability.md."""

    hours: float | None = Field(None, gt=0)
    cost_usd: float | None = Field(None, gt=0)
    tokens: int | None = Field(None, gt=0)
    env_steps: int | None = Field(None, gt=0)
    memory_mib: int | None = Field(None, gt=0, description="memory of the process that trains, in MiB")
    output_mib: int | None = Field(None, gt=0, description="size of the run's folder, in MiB")
    free_mib: int = Field(
        64, ge=0, description="MiB that must be free on the run's disk before anything is begun; else it pauses"
    )


class VerifySettings(Settings):
    """What a candidate's verification may take, and what locks generated code in."""

    timeout_s: float = Field(
        8.0,
        gt=0,
        le=3600,
        description="wall clock and processor, for tracing and again for probing; waiting for a processor of a busy "
        "machine does not count, up to twelve times as much",
    )
    memory_mib: int = Field(2048, ge=256)
    sandbox: Literal["locked", "docker", "unsafe"] = Field(
        "locked", description="locked: by the kernel, or not run at all; docker: in a container; unsafe: not locked"
    )
    docker_image: str = Field("rewardsmith-sandbox", description="has Python and torch; for sandbox: docker")


class HumanSettings(Settings):
    """When the run waits for a person."""

    when: Literal["never", "after-generation"] = "never"
    timeout_s: float = Field(3600.0, gt=0, description="how long to wait before going on without")


INDIFFERENT = ("workers", "at_once", "where", "farm", "checkpoint_minutes")
"""Settings of a training that change no number."""
PATIENCE = ("concurrency", "timeout_s", "retries")
"""Settings of asking a model that change no reply."""
CHANGEABLE = ("limits", "human", *(f"train.{name}" for name in INDIFFERENT), *(f"propose.{name}" for name in PATIENCE))
"""What may change while a run lasts: all else would make it another run."""


class EvolveConfig(Settings):
    """Everything that decides a run besides its task. A run keeps the resolved one."""

    method: str = "default"
    model: str = "offline"
    seed: int = Field(0, ge=0)
    search: SearchSettings = SearchSettings()
    propose: ProposeSettings = ProposeSettings()
    verify: VerifySettings = VerifySettings()
    screen: ScreenSettings = ScreenSettings()
    train: TrainSettings = TrainSettings()
    judge: JudgeSettings = JudgeSettings()
    pool: PoolSettings = PoolSettings()
    refit: RefitSettings = RefitSettings()
    feedback: FeedbackSettings = FeedbackSettings()
    advice: AdviceSettings = AdviceSettings()
    limits: LimitSettings = LimitSettings()
    human: HumanSettings = HumanSettings()


# --- layers ---------------------------------------------------------------------------------------------------------


def resolve(
    task_layer: Layer, *, method: str | Path | None = None, file: Path | None = None, sets: Sequence[str] = ()
) -> EvolveConfig:
    """Merge all layers: defaults < preset < method < task < file < `--set a.b=c`.

    `method` is a shipped name or a path; without one the topmost layer that has a `method` key names it, and default is
    what stands without any. The preset is the one that `train.preset` names once all layers above it are merged.

    Raises: ConfigError: a file, a key or a value is wrong; the message says in which layer and line.
    """
    above = [task_layer, *([layer(file)] if file else []), *(setting(text) for text in sets)]
    chosen = _settings(_merged(above)).method if method is None else method
    layers = [method_layer(chosen), *above, {"method": str(chosen)}]
    preset = _settings(_merged(layers)).train.preset
    return _settings(_merged([preset_layer(preset), *layers]))


def method_layer(name: str | Path) -> Layer:
    """The settings of a published method, by name or from a person's own file."""
    return layer(yamlfile.locate(name, kind="method", folder=resources.methods_folder()))


def preset_layer(name: str | Path) -> Layer:
    """The training settings of a task family, by name or from a person's own file."""
    return layer(yamlfile.locate(name, kind="preset", folder=resources.presets_folder()))


def layer(path: Path) -> Layer:
    """The settings in a YAML file, checked.

    Raises: ConfigError: `path:line: ...` for each key or value that is wrong.
    """
    document = yamlfile.load(path)
    document.read_as(EvolveConfig)
    return document.values


def setting(text: str) -> Layer:
    """The layer that `a.b=c` means; `c` is read as in a YAML file.

    Raises: ConfigError: no `=`, an unknown key, or a value that does not fit.
    """
    key, equals, value = text.partition("=")
    if not equals:
        raise ConfigError(f"--set {text}: expected key=value, e.g. --set search.generations=3.")
    *sections, name = key.strip().split(".")
    try:
        found: dict[str, object] = {name: yamlfile.scalar(value)}
    except ValueError as fault:
        raise ConfigError(f"--set {text}: {fault}.") from fault
    for section in reversed(sections):
        found = {section: found}
    yamlfile.check(EvolveConfig, found, at=lambda _: f"--set {text}")
    return found


def changeable(settings: EvolveConfig) -> Layer:
    """What of the settings may change while a run lasts."""
    parts: dict[str, bool | set[str]] = {"train": set(INDIFFERENT), "propose": set(PATIENCE)}
    return settings.model_dump(mode="json", include={"limits": True, "human": True, **parts})


def over(settings: EvolveConfig, layers: Sequence[Layer]) -> EvolveConfig:
    """Settings already resolved, with more layers laid over them. Raises: ConfigError: a value does not fit."""
    return _settings(_merged([settings.model_dump(mode="json"), *layers]))


def json_schema() -> dict[str, Any]:
    """The JSON schema of config, method and preset files, for editors."""
    return EvolveConfig.model_json_schema()


def _settings(merged: Layer) -> EvolveConfig:
    return yamlfile.check(EvolveConfig, merged, at=lambda _: "settings")


def _merged(layers: Sequence[Layer]) -> Layer:
    result: dict[str, object] = {}
    for upper in layers:
        result = _over(result, upper)
    return result


def _over(lower: Layer, upper: Layer) -> dict[str, object]:
    """`upper` laid over `lower`, section by section; lists are replaced whole."""
    result = dict(lower)
    for key, value in upper.items():
        below = lower.get(key)
        if isinstance(value, Mapping) and isinstance(below, Mapping):
            result[key] = _over(below, value)
        else:
            result[key] = value
    return result
