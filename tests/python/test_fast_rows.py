"""Rows that are read without what nobody asks for say what a reader of all JSON says of them."""

import json
from collections.abc import Callable
from typing import Any

import gpushare as gs
import numpy as np
import pytest
from gpushare import _core
from gpushare.traces.access_json import span_s
from gpushare.traces.carried_documents import _spans_of
from hypothesis import example, given
from hypothesis import strategies as st
from test_access_logs import LENGTHS, LOGS
from test_carried_logs import CARRIERS

NAMES = ["a", "b", "status", "Start_Time", "é", 'q"']
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**25), 10**25)
    | st.floats(allow_nan=True)
    | st.text(max_size=6)
    | st.sampled_from(["200", "1.5s"])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=8,
)
ROWS = st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=5)


def written(value: Any, plain: bool) -> str:
    """As JSON, the letters beyond ASCII as they are or as escapes."""
    return json.dumps(value, ensure_ascii=plain)


@st.composite
def lines(draw: st.DrawFn) -> str:
    """A row, which may name a member twice, be cut, or be something else."""
    text = written(draw(ROWS), draw(st.booleans()))
    kind = draw(st.integers(0, 9))
    if kind == 0:
        return text[: draw(st.integers(0, len(text)))]
    if kind == 1:
        return text[:-1] + ("," if len(text) > 2 else "") + f'"a": {written(draw(VALUES), True)}}}'
    if kind == 2:
        return draw(
            st.sampled_from(["", "[]", "7", "null", "{} {}", '{"a": 01}', '{"a": +1}', '{"a": 1e999}'])
        )
    return text


def wanted(path: tuple[str, ...]) -> str | None:
    name = path[-1].lower()
    return name if name in ("a", "status", "start_time", "é", 'q"') else None


def flat(row: Any) -> dict[str, Any] | None:
    """The wanted members: outer ones count, and of those the first."""
    if not isinstance(row, dict):
        return None
    found: dict[str, Any] = {}
    level: list[dict[str, Any]] = [row]
    while level:
        leaves = [(name, value) for one in level for name, value in one.items()]
        for name, value in leaves:
            if not isinstance(value, dict) and wanted((name,)):
                found.setdefault(name.lower(), value)
        level = [value for _, value in leaves if isinstance(value, dict)]
    return found


def all_json(line: str | bytes) -> dict[str, Any] | None:
    try:
        return flat(json.loads(line))
    except ValueError:
        return None


@given(st.lists(lines(), max_size=8))
@example(['{"b": {"a": 1}, "b": {"status": 2}}'])
@example(['{"b": {"a": 1}, "b": 5}', '{"b": {"a": 1}}', '{"a": 1, "b": {"a": 2}}'])
@example(['{"a": 1}', '{"a": 2, "b": 3, "a": 4}', '{"a": 1}'])
@example(['{"a": ' * 40 + "1" + "}" * 40])
def test_members_of_rows_are_those_of_all_json(rows: list[str]) -> None:
    rows = ["{}", *rows]  # a list would begin with its bracket
    found = _core.json_rows("\n".join(rows), wanted, all_json)
    assert found is not None
    told = [row for row in rows if row.strip(" \t\r")]
    assert list(map(repr, map(_sorted, found))) == [repr(_sorted(all_json(row))) for row in told]


def _sorted(row: Any) -> Any:
    return None if row is None else sorted(row.items())


@given(st.lists(ROWS, max_size=5), st.booleans(), st.sampled_from([None, 1]), st.integers(0, 40))
def test_a_list_is_read_to_its_end_or_left(
    rows: list[Any], plain: bool, indent: int | None, cut: int
) -> None:
    text = json.dumps(rows, ensure_ascii=plain, indent=indent)
    text = text[: len(text) - cut] if cut < 5 else text
    found = _core.json_rows(text, wanted, all_json)
    if found is not None and text:
        assert repr(list(map(_sorted, found))) == repr([_sorted(flat(row)) for row in json.loads(text)])


def test_lines_that_are_alike_are_read_without_another_reader() -> None:
    text = '{"a": 1, "b": {"status": "200", "c": [1, {"a": 7}]}}\n' * 100
    asked: list[tuple[str, ...]] = []

    def name(path: tuple[str, ...]) -> str | None:
        asked.append(path)
        return wanted(path)

    def refuse(line: bytes) -> None:
        raise AssertionError(line)

    assert _core.json_rows(text, name, refuse) == [{"a": 1, "status": "200"}] * 100
    assert asked == [("a",), ("b",), ("b", "status"), ("b", "c")]


@given(ROWS, st.booleans(), st.sampled_from([None, 2]))
def test_members_of_an_object_are_as_they_are_written(
    row: dict[str, Any], plain: bool, indent: int | None
) -> None:
    text = json.dumps(row, ensure_ascii=plain, indent=indent)
    found = _core.json_members(text)
    if found is None:  # NaN, Infinity, halves of letters
        assert any(word in text for word in ("NaN", "Infinity", "\\ud"))
        return
    assert [name for name, _, _ in found] == list(row)
    for name, value, of_objects in found:
        assert repr(json.loads(value)) == repr(row[name])
        assert of_objects == (isinstance(row[name], list) and all(isinstance(one, dict) for one in row[name]))
    assert _core.json_members(text[:-1]) is None


@given(
    st.lists(st.sampled_from(NAMES), min_size=1, max_size=4),
    st.lists(st.lists(VALUES, min_size=4, max_size=4), min_size=1, max_size=4),
    st.booleans(),
)
def test_frames_are_their_rows(names: list[str], values: list[list[Any]], indented: bool) -> None:
    rows = [dict(zip(names, row, strict=False)) for row in values]
    indent = 1 if indented else None
    columns = {name: {str(i): row[name] for i, row in enumerate(rows)} for name in names}
    lists = {name: [row[name] for row in rows] for name in names}
    texts = [
        _core.lines_of_columns(json.dumps(columns, indent=indent)),
        _core.lines_of_columns(json.dumps(lists)),
        _core.lines_of_rows(
            json.dumps(names), json.dumps([row[: len(names)] for row in values], indent=indent)
        ),
    ]
    whole = json.dumps(values)
    if len(set(names)) < len(names):
        assert texts[2] is None
        texts.pop()
    for text in texts:
        if text is None:
            assert any(word in whole for word in ("NaN", "Infinity", "\\ud"))
        else:
            assert repr([json.loads(line) for line in text.splitlines()]) == repr(rows)


@pytest.mark.parametrize(
    "text",
    [
        '{"a": {"0": 1, "0": 2}}',
        '{"a": [1], "b": []}',
        '{"a": {"1": 1}}',
        '{"a": 1}',
        "[]",
        "{}",
        '{"a": [1]} x',
    ],
)
def test_other_documents_are_no_frames(text: str) -> None:
    assert _core.lines_of_columns(text) is None


ATTRIBUTES = st.lists(
    st.fixed_dictionaries(
        {
            "key": st.sampled_from(["gen_ai.usage.input_tokens", "llm.prompt_tokens", "b", "é"]),
            "value": st.sampled_from(
                [
                    {"intValue": "7"},
                    {"intValue": 7},
                    {"intValue": "-7"},
                    {"intValue": "07"},
                    {"stringValue": 'a "quoted" é'},
                    {"doubleValue": 0.5},
                    {"boolValue": True},
                    {"arrayValue": {"values": []}},
                    {},
                    {"intValue": "x"},
                ]
            ),
        }
    ),
    max_size=4,
)
SPANS = st.builds(
    lambda attributes, times, first: (
        {"attributes": attributes, **times} if first else {**times, "attributes": attributes}
    ),
    ATTRIBUTES,
    st.dictionaries(
        st.sampled_from(["startTimeUnixNano", "endTimeUnixNano", "name"]),
        st.sampled_from(["7", 7]),
        max_size=3,
    ),
    st.booleans(),
)


@given(st.lists(SPANS, max_size=4), st.booleans())
def test_spans_are_those_of_all_json(spans: list[Any], carried: bool) -> None:
    document: Any = {"resourceSpans": [{"resource": {}, "scopeSpans": [{"spans": spans}, {}]}, {}]}
    if not carried:
        document = spans[0] if spans else {}
    found = _core.lines_of_spans(json.dumps(document))
    if found is not None:
        assert list(map(json.loads, found)) == list(map(json.loads, _spans_of([document])))


def slow_rows(text: bytes, name: Any, otherwise: Callable[[bytes], Any]) -> list[Any] | None:
    if text.lstrip(b" \t\r\n").startswith(b"["):
        return None
    return [otherwise(line) for line in text.split(b"\n") if line.strip(b" \t\r")]


def outcome(text: bytes, columns: str) -> str:
    """What a text is read as, or told."""
    try:
        trace = gs.traces.parse(text, "log", columns=columns)
    except gs.TraceError as error:
        return str(error)
    return repr(
        (
            np.round(trace.arrival_s, 6).tolist(),
            trace.input_tokens.tolist(),
            trace.output_tokens.tolist(),
            trace.origin,
        )
    )


AIPERF = "".join(
    json.dumps(
        {
            "metadata": {
                "request_start_ns": (1764437400 + i) * 10**9,
                "request_end_ns": (1764437403 + i) * 10**9,
            },
            "metrics": {
                f"{role}_sequence_length": {"value": 7 + i, "unit": "tokens"} for role in ("input", "output")
            },
        }
    )
    + "\n"
    for i in range(4)
)
TEXTS = {
    **{name: (text, "") for name, text in CARRIERS.items()},
    **{name: (text, LENGTHS) for name, text in LOGS.items()},
}
TEXTS["AIPerf"] = (AIPERF, "")


@given(st.sampled_from(sorted(TEXTS)), st.binary(max_size=3), st.integers(0, 900), st.integers(0, 3))
def test_damaged_logs_are_read_and_told_as_without_the_shorter_ways(
    log: str, noise: bytes, at: int, cut: int
) -> None:
    text, columns = TEXTS[log]
    whole = text.encode()
    at %= len(whole)
    damaged = whole[:at] + noise + whole[at + cut :]
    quick = outcome(damaged, columns)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_core, "json_rows", slow_rows)
        for name in ("lines_of_rows", "lines_of_columns", "lines_of_spans"):
            patch.setattr(_core, name, lambda *_: None)
        patch.setattr("gpushare.traces.wrapped._block_of_pairs", lambda _: [])
        assert outcome(damaged, columns) == quick


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("250ms", 0.25),
        ("1.5s", 1.5),
        ("12µs", 12e-6),
        ("3", 3),
        ("1m30s", 90),
        ("2h3m4.5s", 7384.5),
        ("1h", 3600),
    ],
)
def test_lengths_of_time_are_read_with_their_units(text: str, seconds: float) -> None:
    assert span_s(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "s", "ms", "5min", "nan", "3.", "1.2.3s", None])
def test_other_texts_are_no_lengths_of_time(text: Any) -> None:
    assert span_s(text) is None


OTHERS = {
    "conversations": json.dumps(
        {"messages": [{"role": "user", "content": "a b c"}, {"role": "assistant", "content": "d" * 9}]}
    ),
    "a client of ServeGen": "0,1.5,1.0,Gamma,1.0,0.6\n600,2.5,1.0,Gamma,1.0,0.4\n",
    "vLLM's log": "INFO 11-01 00:00:00 [logger.py:1] Received request a: params: x, prompt_token_ids: [1, 2]\n",
    "a table": "arrival_s,input_tokens,output_tokens\n0,5,6\n",
}


@pytest.mark.parametrize("log", [*sorted(TEXTS), *OTHERS])
def test_a_length_that_is_given_counts_or_is_refused(log: str) -> None:
    text = TEXTS[log][0] if log in TEXTS else OTHERS[log]
    told = ""
    try:
        trace = gs.traces.parse(text, "log", columns="input=777,output=55")
    except gs.TraceError as error:
        told = str(error)
    else:
        assert set(trace.input_tokens.tolist()) == {777}
        assert set(trace.output_tokens.tolist()) == {55}
    assert told == "" or "leave columns out" in told
