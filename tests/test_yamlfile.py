"""YAML files: scalars as in YAML 1.2, and the line of everything."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewardsmith import yamlfile
from rewardsmith.errors import ConfigError

SCALARS: dict[str, object] = {
    "3": 3,
    "-3": -3,
    "1_000": 1000,
    "1e6": 1e6,
    "3e-4": 3e-4,
    "1.5E+2": 150.0,
    ".5": 0.5,
    "5.": 5.0,
    "true": True,
    "False": False,
    "null": None,
    "~": None,
    "": None,
    "on": "on",
    "yes": "yes",
    "n": "n",
    "010": "010",
    "1:30": "1:30",
    "2026-01-02": "2026-01-02",
    "1.2.3": "1.2.3",
    "obs[0:3]": "obs[0:3]",
    "[1, a]": [1, "a"],
    "'3'": "3",
}


@pytest.mark.parametrize("text", SCALARS)
def test_scalar_is_read_as_yaml_1_2(text: str) -> None:
    value = yamlfile.scalar(text)
    assert value == SCALARS[text]
    assert type(value) is type(SCALARS[text])


@given(st.text() | st.dictionaries(st.text(), st.text() | st.integers() | st.lists(st.booleans())))
def test_what_is_quoted_is_one_printable_line_that_reads_as_it_was(value: object) -> None:
    assert yamlfile.quoted(value).isprintable()
    assert yamlfile.scalar(yamlfile.quoted(value)) == value


def test_every_key_and_item_knows_its_line() -> None:
    document = yamlfile.parse("# a comment\na: 1\nb:\n  c:\n    - 5\n    - d: 6\n", path="f.yaml")
    assert document.lines == {
        ("a",): 2,
        ("b",): 3,
        ("b", "c"): 4,
        ("b", "c", 0): 5,
        ("b", "c", 1): 6,
        ("b", "c", 1, "d"): 6,
    }


def test_place_that_is_not_there_is_where_its_parent_is() -> None:
    document = yamlfile.parse("a:\n  b: 1\n", path="f.yaml")
    assert document.at(("a", "b", "c", 0)) == "f.yaml:2"
    assert document.at(("a", "z")) == "f.yaml:1"
    assert document.at(("z",)) == "f.yaml:1"


def test_alias_is_read_and_marked_where_it_first_stands() -> None:
    document = yamlfile.parse("a: &x\n  b: 1\nc: *x\n", path="f.yaml")
    assert document.values == {"a": {"b": 1}, "c": {"b": 1}}
    assert document.at(("c", "b")) == "f.yaml:3"


@given(text=st.text(max_size=60) | st.text(alphabet="ab:-[]{}&*!|>'\"# \n\t0", max_size=40))
def test_any_text_is_a_document_or_a_clean_error(text: str) -> None:
    try:
        document = yamlfile.parse(text, path="f.yaml")
    except ConfigError as fault:
        told = str(fault)
    else:
        told = document.at(())
    assert told.startswith("f.yaml:")


MISFITS = {
    "!!bool x": "'x' does not fit its tag !!bool",
    "!!timestamp x": "'x' does not fit its tag !!timestamp",
    "!!timestamp 2026-13-01": "'2026-13-01' does not fit its tag !!timestamp",
    "!!int x": "'x' does not fit its tag !!int",
    "!!int ''": "'' does not fit its tag !!int",
}


@pytest.mark.parametrize("text", MISFITS)
def test_value_that_does_not_fit_its_tag_is_one_line_with_its_place(text: str) -> None:
    with pytest.raises(ConfigError) as told:
        yamlfile.parse(f"a: 1\nb: [{{c: {text}}}]\n", path="f.yaml")
    assert str(told.value) == f"f.yaml:2: not valid YAML: {MISFITS[text]}."
    with pytest.raises(ValueError, match=re.escape(f"not a YAML value: {MISFITS[text]}")):
        yamlfile.scalar(text)


@pytest.mark.parametrize("code", ["00110000", "FFFFFFFF"])
def test_what_is_no_character_is_one_line(code: str) -> None:
    with pytest.raises(ConfigError, match=r"^f\.yaml: not valid YAML: .*\.$"):
        yamlfile.parse(f'a: "\\U{code}"', path="f.yaml")
    with pytest.raises(ValueError, match="not a YAML value"):
        yamlfile.scalar(f'"\\U{code}"')


def test_what_is_nested_too_deeply_is_one_line() -> None:
    with pytest.raises(ConfigError, match=r"^f\.yaml: not valid YAML: it is nested too deeply\.$"):
        yamlfile.parse("a: " + 3000 * "[", path="f.yaml")
    with pytest.raises(ValueError, match="not a YAML value: it is nested too deeply"):
        yamlfile.scalar(3000 * "[" + 3000 * "]")


def test_file_is_found_by_name_or_by_path(tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text("a: 1\n", encoding="utf-8")
    assert yamlfile.locate("one", kind="thing", folder=tmp_path) == tmp_path / "one.yaml"
    assert yamlfile.locate("x/one.yaml", kind="thing", folder=tmp_path) == Path("x/one.yaml")
    assert yamlfile.locate(Path("one"), kind="thing", folder=tmp_path) == Path("one")
    with pytest.raises(ConfigError, match=r"Unknown thing 'on'\. Did you mean 'one'\? Known: one; or a path"):
        yamlfile.locate("on", kind="thing", folder=tmp_path)
