"""Task files of the backend `mjcf`: what they may say, with the line where they are wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from rewardsmith import taskfile
from rewardsmith.environment import first_frame
from rewardsmith.errors import ConfigError
from rewardsmith.sim.mjcf import declared

MODEL = Path(__file__).parent.parent / "models" / "pendulum-v1.xml"
TASK = """\
name: t
goal: Balance.
env:
  backend: mjcf
  model: pendulum-v1.xml
  observation: [angle, qvel]
  reset: {noise: {qpos: 0.1}}
  terminated: abs(angle) > 1
episode_steps: 100
control_dt_s: 0.05
signals:
  angle: {source: joint(hinge).qpos, unit: rad, doc: lean}
fitness: {of: cos(angle), reduce: mean, unit: 1, doc: how upright}
"""


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., Path]:
    (tmp_path / MODEL.name).write_bytes(MODEL.read_bytes())

    def write(*changes: tuple[str, str]) -> Path:
        text = TASK
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        (tmp_path / "t.yaml").write_text(text, encoding="utf-8")
        return tmp_path / "t.yaml"

    return write


def test_a_task_is_what_its_file_declares(written: Callable[..., Path]) -> None:
    loaded = taskfile.load(written())
    keys = declared.read(loaded.task)
    assert keys.observation == ("angle", "qvel")
    assert keys.terminated == ("abs(angle) > 1",)
    assert keys.reset.noise.qpos == 0.1
    assert loaded.task.references.expert is None  # a model has no reward of its own
    assert first_frame(loaded).obs["obs"].shape == (2, 12)


def test_a_model_is_found_from_any_folder(written: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that is resumed elsewhere finds it again."""
    file = written()
    monkeypatch.chdir(file.parent)
    loaded = taskfile.load(Path(file.name))
    monkeypatch.chdir("/")
    first_frame(loaded)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("observation:", "observatoin:", r"t\.yaml:6: unknown key 'observatoin' in 'env'\. Did you mean 'env\.observ"),
        ("qpos: 0.1", "qpoz: 0.1", r"t\.yaml:7: unknown key 'qpoz' in 'env\.reset\.noise'\. Did you mean"),
        ("abs(angle) > 1", "abs(angel) > 1", r"t\.yaml:8: unknown name 'angel'\. Did you mean 'angle'\?"),
        ("joint(hinge).qpos", "joint(hing).qpos", r"t\.yaml:12: info has no field .* Did you mean 'hinge'\?"),
        ("joint(hinge).qpos", "joint(hinge-1).qpos", r"t\.yaml:12: 'hinge - 1' is no plain name; put it in quotes"),
        ("joint(hinge).qpos", "joint().qpos", r"t\.yaml:12: 'joint\(\)' should name what is meant"),
        ("cos(angle)", "reward", r"t\.yaml:13: reads 'reward', but a model has none of its own"),
        ("pendulum-v1.xml", "pendulum-v2.xml", r"no such model file .* Did you mean 'pendulum-v1\.xml'\?"),
    ],
)
def test_a_fault_is_one_line_with_its_place(old: str, new: str, told: str, written: Callable[..., Path]) -> None:
    file = written((old, new))
    with pytest.raises(ConfigError, match=told) as found:
        first_frame(taskfile.load(file))
    assert "\n" not in str(found.value)
