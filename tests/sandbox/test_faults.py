"""Tests of `sandbox.faults`: words of a worker's become our sentences, and nothing else of its gets through."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewardsmith.sandbox import faults
from rewardsmith.sandbox.faults import SENTENCES, Fault

BLANK = re.compile(r"\{(\w+)\}")


@pytest.mark.parametrize("kind", SENTENCES)
def test_every_sentence_is_short_and_ends(kind: str) -> None:
    blanks = {blank for text in SENTENCES[kind] for blank in BLANK.findall(text)} - {"suggestion", "cause", "instead"}
    words = {blank: blank for blank in blanks}
    rejected = faults.rejection(Fault(kind, 3, words), stage="compile")
    assert rejected.line == 3
    assert rejected.reason.endswith(".")
    assert 0 < len(rejected.reason) <= 300
    assert rejected.hint
    assert "{" not in rejected.reason


@pytest.mark.parametrize("kind", faults.WARNINGS)
def test_every_warning_is_one_short_sentence(kind: str) -> None:
    blanks = {blank: blank for blank in BLANK.findall(faults.WARNINGS[kind])}
    words = faults.warning(Fault(kind, None, blanks))
    assert words.endswith(".")
    assert len(words) <= 300
    assert "{" not in words
    assert kind not in SENTENCES


def test_a_warning_of_unknown_kind_says_nothing() -> None:
    assert faults.warning(Fault("branch")) == ""


@given(
    words=st.dictionaries(st.sampled_from(["detail", "name", "got", "error"]), st.text()),
    kind=st.text(),
    line=st.integers(),
)
def test_whatever_a_worker_says_a_rejection_is_printable_and_short(words: dict[str, str], kind: str, line: int) -> None:
    for said in (kind, "python", "component_shape"):
        rejected = faults.rejection(Fault(said, line, words), stage="compile")
        assert rejected.reason.isprintable()
        assert rejected.hint.isprintable()
        assert len(rejected.reason) <= 300
        assert rejected.line is None or rejected.line >= 1


def test_paths_and_addresses_are_taken_out() -> None:
    said = "bad\x1b[31m thing at /usr/lib/python3/site-packages/torch/x.py and 0x7f12deadbeef"
    assert faults.printable(said) == "bad [31m thing at ... and ..."
    assert (
        faults.printable("filename </torch_21576_3848_0> from /dev and '/tmp'") == "filename <...> from ... and '...'"
    )
    assert faults.printable("speed [m/s] is N/(2) / dt") == "speed [m/s] is N/(2) / dt"


@pytest.mark.parametrize(
    "raw",
    [
        None,
        "x",
        {},
        {"kind": "no such", "line": 1, "words": {}},
        {"kind": "branch", "line": "1", "words": {}},
        {"kind": "branch", "line": True, "words": {}},
        {"kind": "branch", "line": 1, "words": {"a": 1}},
        {"kind": "branch", "line": 1, "words": {}, "more": 1},
        {"kind": [], "line": 1, "words": {}},
    ],
)
def test_what_is_no_fault_is_not_taken_for_one(raw: object) -> None:
    assert faults.from_json(raw) is None


def test_a_fault_survives_its_own_text() -> None:
    fault = Fault("sizes", 4, {"first": "N", "second": "3", "dim": "1"})
    assert faults.from_json(faults.to_json(fault)) == fault
