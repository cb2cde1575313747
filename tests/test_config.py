"""Settings: which layer wins, and that what does not fit is told with its layer and line."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewardsmith import config, resources, yamlfile
from rewardsmith.config import EvolveConfig, resolve
from rewardsmith.errors import ConfigError


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


# --- layers ---------------------------------------------------------------------------------------------------------


def test_later_layer_wins(tmp_path: Path) -> None:
    """defaults < preset < method < task < file < --set, one layer more at each step."""
    preset = written(tmp_path / "preset.yaml", "train: {epochs: 11, minibatches: 11, num_envs: 11, hidden: [11]}\n")
    method = written(tmp_path / "method.yaml", "train: {minibatches: 12, num_envs: 12, hidden: [12], gamma: 0.12}\n")
    task = {"train": {"preset": str(preset), "num_envs": 13, "hidden": [13], "gamma": 0.13}}
    file = written(tmp_path / "file.yaml", "train: {hidden: [14], gamma: 0.14}\n")
    train = resolve(task, method=method, file=file, sets=["train.gamma=0.15"]).train
    assert train.rollout_steps == EvolveConfig().train.rollout_steps
    assert train.epochs == 11
    assert train.minibatches == 12
    assert train.num_envs == 13
    assert train.hidden == (14,)
    assert train.gamma == 0.15


def test_last_set_wins() -> None:
    assert resolve({}, sets=["seed=1", "seed=2"]).seed == 2


def test_preset_is_the_one_that_the_merged_layers_name(tmp_path: Path) -> None:
    file = written(tmp_path / "file.yaml", "train: {preset: manipulation}\n")
    task = {"train": {"preset": "classic"}}
    manipulation = config.preset_layer("manipulation")["train"]
    assert isinstance(manipulation, dict)
    resolved = resolve(task, file=file).train
    assert resolved.preset == "manipulation"
    assert resolved.num_envs == manipulation["num_envs"]
    assert resolve(task, file=file, sets=["train.preset=locomotion"]).train.preset == "locomotion"


def test_method_is_named_by_the_argument_or_else_by_the_topmost_layer(tmp_path: Path) -> None:
    mine = written(tmp_path / "mine.yaml", "search: {offspring: 3}\n")
    assert resolve({}).method == "default"
    assert resolve({}, sets=[f"method={mine}"]).search.offspring == 3
    assert resolve({}, sets=[f"method={mine}"], method="eureka").method == "eureka"
    assert resolve({}, method=mine).method == str(mine)


def test_sections_merge_and_lists_are_replaced() -> None:
    settings = resolve({"train": {"hidden": [8, 8, 8], "epochs": 2}}, sets=["train.hidden=[4]"])
    assert settings.train.hidden == (4,)
    assert settings.train.epochs == 2


def test_set_reads_its_value_as_yaml() -> None:
    texts = [
        "train.env_steps=2e6",
        "limits.hours=null",
        "train.clip_value=false",
        "feedback.sources=[curves]",
        "model=a/b=c",
    ]
    settings = resolve({"limits": {"hours": 3}}, sets=texts)
    assert settings.train.env_steps == 2_000_000
    assert settings.limits.hours is None
    assert settings.train.clip_value is False
    assert settings.feedback.sources == ("curves",)
    assert settings.model == "a/b=c"


@given(seeds=st.lists(st.integers(0, 10**9), min_size=1, max_size=4), epochs=st.integers(1, 100))
def test_order_of_settings_matters_only_where_they_meet(seeds: list[int], epochs: int) -> None:
    sets = [f"seed={seed}" for seed in seeds]
    assert resolve({}, sets=[*sets, f"train.epochs={epochs}"]) == resolve({}, sets=[f"train.epochs={epochs}", *sets])
    assert resolve({}, sets=sets).seed == seeds[-1]


def test_resolved_settings_resolve_to_themselves() -> None:
    settings = resolve({"train": {"preset": "manipulation"}}, sets=["search.generations=2"])
    assert resolve(settings.model_dump(mode="json")) == settings


# --- what ships -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", yamlfile.shipped(resources.methods_folder()))
def test_every_shipped_method_resolves(name: str) -> None:
    assert resolve({}, method=name).method == name


@pytest.mark.parametrize("name", yamlfile.shipped(resources.presets_folder()))
def test_every_shipped_preset_says_only_how_to_train(name: str) -> None:
    assert set(config.preset_layer(name)) == {"train"}
    train = resolve({}, sets=[f"train.preset={name}"]).train
    assert (train.num_envs * train.rollout_steps) % train.minibatches == 0


def test_schema_describes_every_setting() -> None:
    schema = config.json_schema()
    assert set(schema["properties"]) == set(EvolveConfig.model_fields)
    assert schema["additionalProperties"] is False


# --- what is wrong is told ------------------------------------------------------------------------------------------

REFUSED: dict[str, str] = {
    "serach.generations=3": "unknown key 'serach'. Did you mean 'search'?",
    "search.generation=3": "unknown key 'generation' in 'search'. Did you mean 'search.generations'?",
    "generations=3": "unknown key 'generations'. Did you mean 'search.generations'?",
    "env_steps=3": "unknown key 'env_steps'. Did you mean 'train.env_steps' or 'limits.env_steps'?",
    "zzz=3": "unknown key 'zzz'. Known: method, model, seed",
    "search.generations=many": "'search.generations' should be a whole number; got 'many'.",
    "search.generations=0": "'search.generations' should be greater than or equal to 1; got 0.",
    "search.strategy=gredy": "'search.strategy' should be 'greedy' or 'dialogue'; got 'gredy'. Did you mean 'greedy'?",
    "train.gamma=.nan": "'train.gamma' should be a number; got '.nan'.",
    "train.gamma=nan": "'train.gamma' should be a finite number; got 'nan'.",
    "train.hidden=64": "'train.hidden' should be a list; got 64.",
    "train.hidden=[64, 0]": "'train.hidden.1' should be greater than or equal to 1; got 0.",
    "train.target_kl=0": "'train.target_kl' should be greater than 0; got 0.",
    "verify.timeout_s=1e9": "'verify.timeout_s' should be less than or equal to 3600; got 1000000000.0.",
    "search=3": "'search' should hold keys: strategy, generations",
    "seed": "expected key=value, e.g. --set search.generations=3.",
    "seed=[1": "not a YAML value",
    "=3": "unknown key ''",
    "search..generations=3": "unknown key '' in 'search'",
}


@pytest.mark.parametrize("text", REFUSED)
def test_setting_that_does_not_fit_is_told(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        resolve({}, sets=[text])
    assert str(caught.value).startswith(f"--set {text}: ")
    assert REFUSED[text] in str(caught.value)


def test_fault_in_a_file_is_told_with_its_line(tmp_path: Path) -> None:
    path = written(tmp_path / "mine.yaml", "seed: 1\ntrain:\n  epochs: 3\n  epoch: 4\n")
    for arguments in ({"file": path}, {"method": path}):
        with pytest.raises(ConfigError) as caught:
            resolve({}, **arguments)
        assert str(caught.value).startswith(f"{path}:4: unknown key 'epoch' in 'train'. Did you mean 'train.epochs'?")


@pytest.mark.parametrize(
    ("sets", "message"),
    [
        (
            ["method=eurka"],
            r"Unknown method 'eurka'\. Did you mean 'eureka'\? Known: [\w, ]*eureka[\w, ]*; or a path to a \.yaml file",
        ),
        (["train.preset=clasic"], r"Unknown preset 'clasic'\. Did you mean 'classic'\?"),
        (["method=./none.yaml"], r"none\.yaml: no such file"),
    ],
)
def test_unknown_method_or_preset_is_told(sets: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        resolve({}, sets=sets)


def test_settings_cannot_be_changed_once_resolved() -> None:
    settings = resolve({})
    with pytest.raises(ValueError, match="frozen"):
        settings.seed = 3  # type: ignore[misc]
