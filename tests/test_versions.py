"""A run says what it was made with, and only our own commit is called ours."""

from __future__ import annotations

import platform
import shutil
import subprocess
from pathlib import Path

import pytest
import torch

from rewardsmith.versions import source_commit, versions

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")


def git(folder: Path, *words: str) -> None:
    who = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", "-C", str(folder), *who, *words], check=True, capture_output=True)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A committed repository with a package at its root and a file two folders down."""
    (tmp_path / "package" / "inner").mkdir(parents=True)
    (tmp_path / "package" / "__init__.py").touch()
    (tmp_path / "package" / "inner" / "__init__.py").touch()
    git(tmp_path, "init")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "Begin")
    return tmp_path


def test_versions_are_those_installed() -> None:
    found = versions()
    assert found["python"] == platform.python_version()
    assert torch.__version__.startswith(found["torch"])
    assert set(found) >= {"rewardsmith", "mujoco", "envpool", "platform"}


@needs_git
def test_a_checkout_tells_its_commit_and_whether_it_was_changed(checkout: Path) -> None:
    commit = source_commit(checkout / "package")
    assert commit is not None
    assert len(commit) == 40
    (checkout / "package" / "__init__.py").write_text("changed = True")
    assert source_commit(checkout / "package") == f"{commit}-dirty"


@needs_git
def test_a_package_deeper_in_somebodys_repository_is_not_their_commit(checkout: Path) -> None:
    assert source_commit(checkout / "package" / "inner") is None


def test_no_repository_is_no_commit(tmp_path: Path) -> None:
    assert source_commit(tmp_path / "package") is None


def test_git_is_not_told_of_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program, told = tmp_path / "git", tmp_path / "told.txt"
    program.write_text(f"#!/bin/sh\nexport > {told}\n")
    program.chmod(0o755)
    for name, value in {"PATH": str(tmp_path), "SOME_API_KEY": "canary", "Hub_Token": "canary", "ELSE": "fine"}.items():
        monkeypatch.setenv(name, value)
    source_commit(tmp_path)
    assert "ELSE='fine'" in told.read_text() or 'ELSE="fine"' in told.read_text()
    assert "canary" not in told.read_text()
