"""Names become parts, and what a run was asked for besides its settings survives it."""

from __future__ import annotations

from pathlib import Path

import pytest

from rewardsmith import taskfile
from rewardsmith.assemble import EXTRAS, Extras, ask_of, begin, extras_of, parts_of, proposer_of, read_seeds, written
from rewardsmith.config import EvolveConfig, resolve
from rewardsmith.errors import ConfigError, RunError, UsageError
from rewardsmith.feedback.preference import PreferenceOfEpisodes
from rewardsmith.interfaces import Progress, Question
from rewardsmith.propose.fake_server import FakeServer, Say
from rewardsmith.sandbox import ProcessSandbox
from rewardsmith.store import Run
from rewardsmith.types import Message, Prompt

CONFIG = EvolveConfig()


def unwatched(progress: Progress) -> None:
    """Nobody looks."""


def untold(line: str) -> None:
    """Nobody listens."""


def test_extras_come_back_as_they_were_asked_for(tmp_path: Path) -> None:
    extras = Extras(base_url="http://localhost:1/v1", references=True, seeded=("def compute_reward(): ...\n",))
    with begin(tmp_path / "run", taskfile.load("reacher_reach"), CONFIG, extras) as run:
        assert extras_of(run) == extras
        (run.folder / EXTRAS).unlink()  # the ledger holds them too
        assert extras_of(run) == extras


def test_a_run_that_is_there_already_keeps_its_extras(tmp_path: Path) -> None:
    loaded = taskfile.load("reacher_reach")
    with begin(tmp_path / "run", loaded, CONFIG, Extras(references=True)):
        pass
    with pytest.raises(RunError, match="holds a run already"):
        begin(tmp_path / "run", loaded, CONFIG, Extras())
    with Run.open(tmp_path / "run", write=False) as run:
        assert extras_of(run).references


def test_lost_extras_of_an_older_run_are_one_clear_error(tmp_path: Path) -> None:
    """Earlier versions kept them in a file alone."""
    task = taskfile.load("reacher_reach").task
    with Run.create(tmp_path / "run", task=task, config=CONFIG, task_text="", allowed={}) as run:
        with pytest.raises(RunError, match="Put back a copy"):
            extras_of(run)
        (run.folder / EXTRAS).write_text('{"references": "perhaps"}')
        with pytest.raises(RunError, match="Put back a copy"):
            extras_of(run)
        (run.folder / EXTRAS).write_text('{"references": true}')
        assert extras_of(run).references


def test_parts_are_those_the_settings_name(tmp_path: Path, process_sandbox: ProcessSandbox) -> None:
    extras = Extras(seeded=("first", "second"))
    with begin(tmp_path / "run", taskfile.load("reacher_reach"), CONFIG, extras) as run:
        parts = parts_of(run, extras, config=CONFIG, sandbox=process_sandbox, watch=unwatched, tell=untold)
        assert (parts.proposer.name, parts.proposer.origin) == ("offline", "offline")
        assert [source.name for source in parts.sources] == list(CONFIG.feedback.sources)
        assert [(c.id, c.code, c.origin) for c in parts.seeded] == [
            ("g000-00", "first", "human"),
            ("g000-01", "second", "human"),
        ]
        assert isinstance(run, Run)
        assert parts.people is run.people
        assert parts.store is run.replies


def test_preference_feedback_has_the_labels_of_the_run_s_screen(
    tmp_path: Path, process_sandbox: ProcessSandbox
) -> None:
    words = ("feedback.sources=[preference]", "screen.labels=fitness", "screen.fitness_quantile=0.1")
    config = resolve({}, sets=words)
    with begin(tmp_path / "run", taskfile.load("reacher_reach"), config, Extras()) as run:
        [source] = parts_of(run, Extras(), config=config, sandbox=process_sandbox, watch=unwatched, tell=untold).sources
    assert isinstance(source, PreferenceOfEpisodes)
    assert (source.screen.labels, source.screen.fitness_quantile) == ("fitness", 0.1)


def test_a_model_that_is_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Did you mean 'offline'"):
        proposer_of(CONFIG.model_copy(update={"model": "offlne"}), Extras(), run_folder=tmp_path, tell=untold)


def test_a_person_s_reward_is_kept_as_written(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("# mine\n")
    assert read_seeds([tmp_path / "mine.py"]) == ("# mine\n",)
    assert written("# mine\n", index=3).id == "g000-03"


IS_IT_FINE = Question(
    purpose="critic",
    about="g001-00",
    index=1,
    prompt=Prompt(messages=(Message(role="user", content="Is it fine?"),), sha256="0"),
)


def test_advice_is_asked_of_the_run_s_own_model_and_kept_like_a_draft(tmp_path: Path) -> None:
    (tmp_path / "said").mkdir()
    (tmp_path / "said" / "g001-00.critic1.md").write_text("VERDICT: fine")
    config = EvolveConfig.model_validate({"model": f"replay:{tmp_path / 'said'}"})
    with begin(tmp_path / "run", taskfile.load("reacher_reach"), config, Extras()) as run:
        ask = ask_of(run, Extras(), config, tell=untold)
        assert ask is not None
        [reply] = ask([IS_IT_FINE])
        assert reply.text == "VERDICT: fine"
        assert "Is it fine?" in (run.folder / "prompts" / "g001-00.critic1.md").read_text()
        assert (run.folder / "replies" / "g001-00.critic1.md").read_text().strip() == "VERDICT: fine"


def test_advice_is_asked_for_at_its_own_temperature(tmp_path: Path) -> None:
    config = EvolveConfig.model_validate({"model": "vllm/small", "advice": {"temperature": 0.25}})
    with FakeServer([Say(text="VERDICT: fine")]) as server:
        extras = Extras(base_url=server.base_url)
        with begin(tmp_path / "run", taskfile.load("reacher_reach"), config, extras) as run:
            ask = ask_of(run, extras, config, tell=untold)
            assert ask is not None
            ask([IS_IT_FINE])
        [heard] = server.heard
    assert heard.body["temperature"] == 0.25
    assert config.propose.temperature == 1.0


def test_offline_there_is_nobody_to_ask(tmp_path: Path) -> None:
    with begin(tmp_path / "run", taskfile.load("reacher_reach"), CONFIG, Extras()) as run:
        assert ask_of(run, Extras(), CONFIG, tell=untold) is None


def test_a_misspelt_source_of_advice_is_told_of(tmp_path: Path, process_sandbox: ProcessSandbox) -> None:
    (tmp_path / "g001-00.md").write_text("x")
    config = EvolveConfig.model_validate({"model": f"replay:{tmp_path}", "feedback": {"sources": ["analyser"]}})
    with (
        begin(tmp_path / "run", taskfile.load("reacher_reach"), config, Extras()) as run,
        pytest.raises(ConfigError, match="Did you mean 'analyzer'"),
    ):
        parts_of(run, Extras(), config=config, sandbox=process_sandbox, watch=unwatched, tell=untold)


def test_offline_is_asked_for_no_advice(tmp_path: Path) -> None:
    config = EvolveConfig.model_validate({"advice": {"critic_rounds": 1}})
    with pytest.raises(ConfigError, match=r"advice\.critic_rounds=1 must ask a model"):
        proposer_of(config, Extras(), run_folder=tmp_path, tell=untold)
