"""Tables travel to NumPy, pandas, Arrow and Polars without loss."""

import csv
import gc
import io
import math
import pickle
from typing import Any

import gpushare as gs
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from gpushare.frames.tables import concatenate
from hypothesis import given
from hypothesis import strategies as st

ROWS = st.lists(
    st.tuples(
        st.floats(allow_nan=True),
        st.integers(-(2**63), 2**63 - 1),
        st.text(st.characters(exclude_categories=["Cs"])),
    ),
    max_size=20,
)


def make(rows: list[tuple[float, int, str]]) -> gs.Table:
    return gs.Table(
        "rows",
        {
            "number": np.array([r[0] for r in rows], dtype=np.float64),
            "integer": np.array([r[1] for r in rows], dtype=np.int64),
            "text": [r[2] for r in rows] or (np.array([], dtype=np.int32), []),
        },
    )


@given(ROWS)
def test_arrow_and_polars_read_back_what_went_in(rows: list[tuple[float, int, str]]) -> None:
    table = make(rows)
    arrow = pa.table(table)
    assert arrow.schema.names == ["number", "integer", "text"]
    assert arrow.schema.types == [pa.float64(), pa.int64(), pa.dictionary(pa.int32(), pa.string())]
    arrow.validate(full=True)
    np.testing.assert_array_equal(arrow["number"].to_numpy(), [r[0] for r in rows])
    assert arrow["integer"].to_pylist() == [r[1] for r in rows]
    assert arrow["text"].to_pylist() == [r[2] for r in rows]
    frame = pl.DataFrame(table)
    assert frame["integer"].to_list() == [r[1] for r in rows]
    assert frame["text"].cast(pl.String).to_list() == [r[2] for r in rows]


def test_arrow_data_outlives_the_table_and_is_the_same_memory(result: gs.Result) -> None:
    table = gs.simulate("voice-light", seed=5).requests
    address = table["arrival_s"].__array_interface__["data"][0]
    arrow = table.to_arrow()
    assert arrow["arrival_s"].chunk(0).buffers()[1].address == address
    expected = table["arrival_s"].copy()
    column = arrow["arrival_s"]
    del table, arrow
    gc.collect()
    for _ in range(3):
        gs.simulate("voice-light", seed=6)
    np.testing.assert_array_equal(column.to_numpy(), expected)


def test_an_unread_stream_is_released() -> None:
    table = make([(1.0, 1, "a")])
    capsule: Any = table.__arrow_c_stream__()
    assert "arrow_array_stream" in repr(capsule)
    del capsule, table
    gc.collect()


def test_a_stream_is_read_more_than_once() -> None:
    table = make([(1.0, 1, "a"), (2.0, 2, "b")])
    assert pa.table(table).equals(pa.table(table))


def test_part_of_a_table_can_be_kept() -> None:
    table = make([(1.0, 1, "a"), (2.0, 2, "b")])
    text = pa.table(table)["text"]
    del table
    gc.collect()
    assert text.to_pylist() == ["a", "b"]


def test_numpy_columns_are_read_only_views(result: gs.Result) -> None:
    column = result.requests["arrival_s"]
    assert not column.flags.owndata
    assert not column.flags.writeable
    assert column.__array_interface__["data"] == result.requests["arrival_s"].__array_interface__["data"]


def test_pandas_gets_categoricals(result: gs.Result) -> None:
    frame = result.requests.to_pandas()
    assert isinstance(frame, pd.DataFrame)
    assert list(frame.columns) == result.requests.columns
    assert isinstance(frame["status"].dtype, pd.CategoricalDtype)
    assert frame["status"].tolist() == result.requests["status"].tolist()


@given(ROWS)
def test_a_pickled_table_is_equal(rows: list[tuple[float, int, str]]) -> None:
    table = make(rows)
    assert pickle.loads(pickle.dumps(table)) == table


def test_tables_differ_when_a_value_differs() -> None:
    table = make([(1.0, 1, "a")])
    assert table != make([(2.0, 1, "a")])
    assert table != make([(1.0, 2, "a")])
    assert table != make([(1.0, 1, "b")])
    assert table != "table"


def test_concatenation_joins_categories() -> None:
    joined = concatenate(
        [make([(1.0, 1, "a"), (2.0, 2, "b")]), make([(3.0, 3, "c"), (4.0, 4, "b")]), make([])]
    )
    assert joined["text"].tolist() == ["a", "b", "c", "b"]
    assert joined.categories("text") == ["a", "b", "c"]
    assert joined["number"].tolist() == [1.0, 2.0, 3.0, 4.0]


def test_a_table_describes_itself() -> None:
    table = make([(float(i), i, "text") for i in range(30)]).with_column("run", np.zeros(30, dtype=np.int64))
    assert table.columns == ["run", "number", "integer", "text"]
    assert "number" in table
    assert "other" not in table
    assert list(table) == table.columns
    assert len(table) == 30
    assert str(table).splitlines()[0] == "rows: 30 rows, 4 columns, the first 10 shown"
    assert "<table>" in table._repr_html_()
    assert table.type("text") == "category"
    assert table.codes("text").tolist() == [0] * 30
    assert table.to_dict()["integer"][:3] == [0, 1, 2]
    with pytest.raises(TypeError, match="holds float64, not categories"):
        table.codes("number")
    with pytest.raises(KeyError, match='no column "nothing" in table "rows"'):
        table["nothing"]


@pytest.mark.parametrize(
    ("columns", "text"),
    [
        ({"a": np.zeros(2), "b": np.zeros(3)}, "b: found 3 rows; the first column has 2"),
        ({"a": np.zeros((2, 2))}, "a: a column is a one-dimensional array"),
    ],
)
def test_columns_must_be_of_equal_length(columns: dict[str, Any], text: str) -> None:
    with pytest.raises(gs.Error, match=text):
        gs.Table("bad", columns)


def test_codes_must_index_their_categories() -> None:
    from gpushare._core import Columns

    with pytest.raises(gs.Error, match="found code 1; there are 1 categories"):
        Columns("bad", {"a": (np.array([0, 1]), ["only"])})
    with pytest.raises(gs.Error, match="found code -1"):
        Columns("bad", {"a": (np.array([-1]), ["only"])})


def by_the_csv_module(table: gs.Table) -> str:
    """The same rows as Python's own writer has them."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(table.columns)
    columns = [table[column].tolist() for column in table.columns]
    writer.writerows(
        ["" if isinstance(v, float) and math.isnan(v) else v for v in row]
        for row in zip(*columns, strict=True)
    )
    return text.getvalue()


@given(ROWS)
def test_csv_is_what_python_writes(rows: list[tuple[float, int, str]]) -> None:
    rows = [(number, integer, text.replace("\r", "")) for number, integer, text in rows]
    table = make(rows)
    assert b"".join(table.csv()).decode() == by_the_csv_module(table)


def test_numbers_in_csv_are_what_python_writes() -> None:
    bits = np.random.default_rng(1).integers(0, 2**64, 100_000, dtype=np.uint64).view(np.float64)
    edges = [10.0**k for k in range(-320, 309)]
    near = [value for edge in edges for value in (np.nextafter(edge, 0), edge, -np.nextafter(edge, np.inf))]
    whole = [2.0**k for k in range(70)] + [2.0**k - 1 for k in range(54)]
    other = [0.0, -0.0, math.inf, -math.inf, math.nan, 123456789.25, 1e15 - 0.5]
    table = gs.Table("numbers", {"a": np.concatenate([bits, near, whole, other])})
    assert b"".join(table.csv()).decode() == by_the_csv_module(table)


@pytest.mark.parametrize("values", [[math.nan, 1.5], ["", "a\nb", 'say "no"', "x,y", " z "], [1, -2]])
def test_a_column_alone_has_a_line_for_each_row(values: list[Any]) -> None:
    table = gs.Table("alone", {'the "value", alone': values})
    text = b"".join(table.csv()).decode()
    assert text == by_the_csv_module(table)
    assert len(list(csv.reader(io.StringIO(text)))) == len(values) + 1


def test_a_carriage_return_is_quoted() -> None:
    assert b"".join(gs.Table("t", {"a": ["x\ry"]}).csv()) == b'a\n"x\ry"\n'
