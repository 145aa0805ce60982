"""YAML: what is written is read back, what is wrong is said with its line, and nothing grows out of a small file."""

import json
from pathlib import Path
from typing import Any

import gpushare as gs
import pytest
import yaml as yaml_1_1
from gpushare.yaml_files import parse_yaml, read_yaml, write_yaml, yaml_text
from hypothesis import given
from hypothesis import strategies as st

#: What is something else than text in YAML 1.2 or 1.1, or where lines do not stand by themselves.
WORDS = (
    *(
        "on",
        "yes",
        "y",
        "null",
        "~",
        "",
        "5e-06",
        "1e6",
        "0o17",
        "0x1f",
        "1:30",
        "2026-11-29",
        "<<",
        "=",
        "10Gi",
        "...",
    ),
    *(
        "nvidia.com/gpu",
        ".inf",
        "-.inf",
        ".nan",
        "1_000",
        "---",
        "?",
        "- a",
        "a: b",
        "a #b",
        "a \nb",
        "a\n",
        "\n",
    ),
    *("a\nb", "a\n\nb\n", " a\nb", "a\n\n"),
)
TEXTS = st.one_of(st.sampled_from(WORDS), st.text(max_size=80))
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXTS, inner, max_size=4)),
    max_leaves=12,
)


@given(st.lists(VALUES, min_size=1, max_size=3))
def test_what_is_written_is_read_back_by_readers_of_yaml_1_2_and_of_1_1(documents: list[Any]) -> None:
    text = yaml_text(documents)
    assert [one.value for one in parse_yaml(text)] == documents
    assert list(yaml_1_1.safe_load_all(text)) == documents


@given(VALUES)
def test_json_is_yaml(value: Any) -> None:
    assert parse_yaml(json.dumps(value))[0].value == value or "Infinity" in json.dumps(value)


def test_plain_words_mean_what_yaml_1_2_says() -> None:
    text = "on: yes\nsmall: 5e-06\nday: 2026-11-29\ntime: 1:30\noctal: 0o14\nten: 010\ntext: !!str 5\n80: x\n"
    assert parse_yaml(text)[0].value == {
        "on": "yes",
        "small": 5e-06,
        "day": "2026-11-29",
        "time": "1:30",
        "octal": 12,
        "ten": 10,
        "text": "5",
        "80": "x",
    }


def test_a_pointer_names_its_line_or_that_of_what_would_hold_it() -> None:
    text = "services:\n  llm:\n    model: llama\n    'a/b': [1,\n      2]\n"
    (document,) = parse_yaml(text, "mine.yaml")
    assert document.where("/services/llm/model") == "mine.yaml:3:12"
    assert document.where("/services/llm") == "mine.yaml:2:3"
    assert document.where("/services/llm/a~1b/1") == "mine.yaml:5:7"
    assert document.where("/services/llm/engine/slots") == "mine.yaml:2:3"
    assert document.line("/nothing") == 1


def test_merged_members_are_those_of_the_anchor_and_own_members_win() -> None:
    (document,) = parse_yaml("base: &base {a: 1, b: 2}\nmine:\n  <<: *base\n  b: 3\n")
    assert document.value["mine"] == {"b": 3, "a": 1}
    document.value["mine"]["a"] = 9
    assert document.value["base"]["a"] == 1


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("a: 1\nb: 2\na: 3\n", "3:1", '"a" stands twice in one mapping, first in line 1'),
        ("a:\n\t- 1\n", "2:1", "indent with blanks"),
        ("a: b: c\n", "1:5", "put the text in quotes"),
        ("a: @x\n", "1:4", "put the text in quotes"),
        ("a: [1, 2\n", "2:1", "does not end"),
        ("a: 'x\n", "2:1", "a quote does not end"),
        ("- a\nb: 1\n", "2:1", "indent members"),
        ("a: 1\nb\n", "3:1", "write KEY: VALUE"),
        ("a: *x\n", "1:4", "anchors so far: none"),
        ("a: &x [*x]\n", "1:8", "anchors so far: none"),
        ("a: !!python/object:os.system {}\n", "1:4", "nothing in a file is executed"),
        ("a: !!binary aGk=\n", "1:4", "nothing in a file is executed"),
        ("a: !!int x\n", "1:4", 'found "x", which is no int'),
        ("? [a]\n: 1\n", "1:3", "a key is a word"),
        ("<<: [1]\n", "1:5", '"<<" takes a mapping'),
        ('a: "\\ud800"\n', "1:4", "half of a character"),
        ("a: \x01\n", "1", "a control character"),
    ],
)
def test_what_is_wrong_is_said_with_its_place_and_what_would_be_right(
    text: str, line: str, says: str
) -> None:
    with pytest.raises(gs.ScenarioError) as raised:
        parse_yaml(text, "mine.yaml", gs.ScenarioError)
    assert str(raised.value).startswith(f"mine.yaml:{line}: ")
    assert says in str(raised.value)
    assert raised.value.where == f"mine.yaml:{line}"


def test_aliases_to_aliases_are_bounded() -> None:
    lines = ["a0: &a0 [x]", *(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 12))]
    with pytest.raises(gs.Error, match="repeat more than 200,000 values"):
        parse_yaml("\n".join(lines))


def test_depth_is_bounded() -> None:
    with pytest.raises(gs.Error, match="more than 100 lists and mappings within each other"):
        parse_yaml("[" * 5000 + "]" * 5000)


def test_a_file_that_is_not_utf_8_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "latin.yaml"
    path.write_bytes(b"a: 1\nb: \xe9\n")
    with pytest.raises(gs.Error, match=r"latin\.yaml:2: byte 0xe9 is not UTF-8"):
        read_yaml(path)


def test_a_byte_order_mark_is_skipped(tmp_path: Path) -> None:
    path = tmp_path / "mark.yml"
    path.write_bytes("\ufeffa: 1\n".encode())
    assert read_yaml(path)[0].value == {"a": 1}


def test_files_have_their_comment_first_and_are_read_back(tmp_path: Path) -> None:
    path = tmp_path / "two.yaml"
    write_yaml([{"a": [{"b": 1}, []]}, None], path, "one\n\ntwo")
    assert path.read_text().startswith("# one\n#\n# two\na:\n  - b: 1\n  - []\n---\n")
    assert [one.value for one in read_yaml(path)] == [{"a": [{"b": 1}, []]}, None]


def test_keys_that_no_reader_looks_for_are_not_written() -> None:
    with pytest.raises(ValueError, match="has more characters than YAML's 1,000"):
        yaml_text([{"k" * 1001: 1}])
    with pytest.raises(TypeError, match="found set"):
        yaml_text([{1, 2}])
