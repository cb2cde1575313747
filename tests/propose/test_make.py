"""Proposers by name."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from rewardsmith.config import EvolveConfig, ProposeSettings
from rewardsmith.errors import ProposerError, RewardsmithError, UsageError
from rewardsmith.interfaces import Proposer
from rewardsmith.propose import make, rooted
from rewardsmith.propose.manual import ManualProposer


@pytest.fixture
def named(tmp_path: Path):
    def build(model: str, base_url: str | None = None) -> Proposer:
        return make(model, ProposeSettings(), base_url=base_url, run_folder=tmp_path)

    return build


def test_each_name_makes_its_proposer(named, tmp_path: Path) -> None:
    recording = tmp_path / "r.jsonl"
    recording.write_text('{"candidate": "a", "text": "x"}')
    models = ["offline", "manual", "manual:there", f"replay:{recording}", "openai/gpt-5", "ollama/llama3.2:3b"]
    assert [named(model).origin for model in models] == ["offline", "manual", "manual", "replay", "llm", "llm"]


def test_manual_uses_the_runs_own_folder_unless_one_is_named(named, tmp_path: Path) -> None:
    default, given = named("manual"), named("manual:over/there")
    assert isinstance(default, ManualProposer)
    assert isinstance(given, ManualProposer)
    assert (default.folder, given.folder) == (tmp_path / "manual", Path("over/there"))


@pytest.mark.parametrize(
    ("model", "base_url", "says"),
    [
        ("ofline", None, "'ofline' is not known. Did you mean 'offline'?"),
        ("replay", None, "--model 'replay' names no recording. Expected replay:PATH"),
        ("replay:~nobody_at_all/x", None, "'replay:~nobody_at_all/x' names no path"),
        ("manual:~nobody_at_all/x", None, "'manual:~nobody_at_all/x' names no path"),
        ("offline:x", None, "'offline:x' is not known."),
        ("", None, "'' is not known."),
        ("gpt-5", None, "'gpt-5' is not known."),
        ("offline", "http://localhost/v1", "--base-url goes with --model provider/model, not with 'offline'."),
        ("openai/", None, "names no provider"),
    ],
)
def test_words_that_do_not_fit_are_a_usage_error(named, model: str, base_url: str | None, says: str) -> None:
    with pytest.raises(UsageError) as raised:
        named(model, base_url)
    assert says in str(raised.value)


@pytest.mark.parametrize("model", ["offline", "manual", "openai/gpt-5", "openai/replay:x", "replay:/a/b", "replay"])
def test_a_model_without_a_relative_path_keeps_its_name(model: str) -> None:
    config = EvolveConfig.model_validate({"model": model, "advice": {"model": model}})
    assert rooted(config) == config


def test_a_relative_path_in_a_models_name_is_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = rooted(EvolveConfig.model_validate({"model": "manual:a", "advice": {"model": "replay:b/../c"}}))
    assert (found.model, found.advice.model) == (f"manual:{tmp_path / 'a'}", f"replay:{tmp_path / 'c'}")
    assert rooted(EvolveConfig(model="manual:~/a")).model == f"manual:{Path.home().resolve() / 'a'}"


def test_a_missing_recording_is_told(named) -> None:
    with pytest.raises(RewardsmithError, match=r"nowhere\.jsonl cannot be read"):
        named("replay:nowhere.jsonl")


def test_without_litellm_the_person_is_told_how_to_install_it(named, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "litellm", None)
    with pytest.raises(ProposerError, match=r"pip install 'rewardsmith\[litellm\]'"):
        named("anthropic/claude-sonnet-4-5")
    assert named("openai/gpt-5").origin == "llm"


def test_a_proposer_that_is_not_chosen_is_not_imported() -> None:
    code = "import sys, rewardsmith.propose; sys.exit(any(name in sys.modules for name in ('openai', 'litellm')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
