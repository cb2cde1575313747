"""Names become parts, and what a run was asked for besides its settings survives it."""

from __future__ import annotations

from pathlib import Path

import pytest

from rewardsmith import taskfile
from rewardsmith.assemble import EXTRAS, Extras, begin, extras_of, parts_of, proposer_of, read_reward, written
from rewardsmith.config import EvolveConfig
from rewardsmith.errors import ConfigError, RunError, UsageError
from rewardsmith.interfaces import Progress
from rewardsmith.store import Run

CONFIG = EvolveConfig()


def unwatched(progress: Progress) -> None:
    """Nobody looks."""


def untold(line: str) -> None:
    """Nobody listens."""


def test_extras_come_back_as_they_were_asked_for(tmp_path: Path) -> None:
    extras = Extras(base_url="http://localhost:1/v1", references=True, seeded=("def compute_reward(): ...\n",))
    with begin(tmp_path / "run", taskfile.load("reacher_reach"), CONFIG, extras):
        pass
    assert extras_of(tmp_path / "run") == extras


def test_a_run_that_is_there_already_keeps_its_extras(tmp_path: Path) -> None:
    loaded = taskfile.load("reacher_reach")
    with begin(tmp_path / "run", loaded, CONFIG, Extras(references=True)):
        pass
    with pytest.raises(RunError, match="holds a run already"):
        begin(tmp_path / "run", loaded, CONFIG, Extras())
    assert extras_of(tmp_path / "run").references


def test_lost_extras_are_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="Put back a copy"):
        extras_of(tmp_path)
    (tmp_path / EXTRAS).write_text('{"references": "perhaps"}')
    with pytest.raises(RunError, match="Put back a copy"):
        extras_of(tmp_path)


def test_parts_are_those_the_settings_name(tmp_path: Path) -> None:
    extras = Extras(seeded=("first", "second"))
    with (
        begin(tmp_path / "run", taskfile.load("reacher_reach"), CONFIG, extras) as run,
        parts_of(run, extras, config=CONFIG, watch=unwatched, tell=untold) as parts,
    ):
        assert (parts.proposer.name, parts.proposer.origin) == ("offline", "offline")
        assert [source.name for source in parts.sources] == ["curves"]
        assert [(c.id, c.code, c.origin) for c in parts.seeded] == [
            ("g000-00", "first", "human"),
            ("g000-01", "second", "human"),
        ]
        assert isinstance(run, Run)
        assert parts.people is run.people
        assert parts.store is run.replies


def test_a_model_that_is_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Did you mean 'offline'"):
        proposer_of(CONFIG.model_copy(update={"model": "offlne"}), Extras(), run_folder=tmp_path, tell=untold)


def test_a_person_s_reward_is_kept_as_written(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("# mine\n")
    assert read_reward(tmp_path / "mine.py") == "# mine\n"
    assert written("# mine\n", index=3).id == "g000-03"


@pytest.mark.parametrize(("content", "said"), [(b" \n", "is empty"), (b"\xff\xfe", "not UTF-8")])
def test_a_file_that_holds_no_code_is_told(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "mine.py").write_bytes(content)
    with pytest.raises(ConfigError, match=said):
        read_reward(tmp_path / "mine.py")
