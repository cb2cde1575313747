"""Shipped data is found in a checkout and in an installed wheel alike."""

from __future__ import annotations

from pathlib import Path

import pytest

from rewardsmith import resources
from rewardsmith.errors import RewardsmithError


def test_every_kind_of_shipped_data_has_its_folder() -> None:
    folders = [f() for f in (resources.prompts_folder, resources.tasks_folder, resources.methods_folder)]
    folders += [f() for f in (resources.presets_folder, resources.suites_folder, resources.anchors_folder)]
    assert [f.name for f in folders] == ["prompts", "tasks", "methods", "presets", "suites", "anchors"]
    assert all(f.is_dir() for f in folders)


def test_checkout_keeps_data_beside_the_package(tmp_path: Path) -> None:
    package = tmp_path / "rewardsmith"
    package.mkdir()
    (tmp_path / "prompts").mkdir()
    assert resources.find("prompts", package=package) == tmp_path / "prompts"


def test_wheel_keeps_data_inside_the_package_and_looks_there_first(tmp_path: Path) -> None:
    inside = tmp_path / "rewardsmith" / "_data" / "prompts"
    inside.mkdir(parents=True)
    (tmp_path / "prompts").mkdir()  # some other project's folder in site-packages
    assert resources.find("prompts", package=tmp_path / "rewardsmith") == inside


def test_missing_data_is_one_error_that_says_how_to_install(tmp_path: Path) -> None:
    with pytest.raises(RewardsmithError, match=r"'prompts' that ships .* missing .* pip install"):
        resources.find("prompts", package=tmp_path / "rewardsmith")
