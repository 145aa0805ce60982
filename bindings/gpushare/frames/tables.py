"""Columnar tables that NumPy, pandas, Polars, DuckDB and Arrow read without copies."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .. import _core
from .._errors import fail
from ..extras import extra
from .render import Field, brief, counted, html_table, numbers, text_table

if TYPE_CHECKING:
    import pandas
    import pyarrow

__all__ = ["Table", "concatenate"]

Values = npt.NDArray[Any] | Sequence[str] | tuple[npt.NDArray[np.int32], Sequence[str]]
_SHOWN_ROWS = 10
#: In a piece of CSV.
_CSV_ROWS = 10_000


def _category(values: Sequence[str]) -> tuple[npt.NDArray[np.int32], list[str]]:
    """Codes and categories of strings, categories in order of appearance."""
    index: dict[str, int] = {}
    codes = np.fromiter((index.setdefault(v, len(index)) for v in values), dtype=np.int32, count=len(values))
    return codes, list(index)


def _column(values: Values) -> Any:
    """What the compiled table takes: an array, or a pair of codes and categories."""
    if isinstance(values, tuple) and len(values) == 2 and isinstance(values[0], np.ndarray):
        return values[0], list(values[1])
    if not isinstance(values, np.ndarray) and len(values) > 0 and isinstance(values[0], str):
        return _category([str(value) for value in values])
    return np.asarray(values)


class Table:
    """Columns of equal length: ``float64``, ``int64`` or categories.

    ``table["name"]`` is a read-only NumPy view of numbers, or an object array of strings for a category
    column. The table speaks the Arrow C stream interface, so ``pyarrow.table(table)``,
    ``polars.DataFrame(table)`` and DuckDB read it. Missing numbers are NaN.

    Parameters
    ----------
    name : str
        Name of the table.
    columns : mapping of str to array, sequence of str, or pair
        One-dimensional arrays of equal length; strings become categories, and a pair is (codes, categories).

    Raises
    ------
    Error
        When the columns differ in length or have more than one dimension.

    Examples
    --------
    >>> import gpushare as gs
    >>> table = gs.Table("t", {"mode": ["mps", "mps"], "users": [2, 5]})
    >>> table["users"].sum(), table.type("mode")
    (np.int64(7), 'category')
    """

    __slots__ = ("_columns",)

    def __init__(self, name: str, columns: Mapping[str, Values]) -> None:
        data = {column: _column(given) for column, given in columns.items()}
        self._columns = _core.Columns(name, data)

    @classmethod
    def _wrap(cls, columns: _core.Columns) -> Table:
        table = cls.__new__(cls)
        table._columns = columns
        return table

    @property
    def name(self) -> str:
        """Name of the table."""
        return self._columns.name

    @property
    def columns(self) -> list[str]:
        """Names of the columns, in order."""
        return self._columns.names

    def type(self, column: str) -> str:
        """``"float64"``, ``"int64"`` or ``"category"``."""
        return self._columns.type(column)

    def codes(self, column: str) -> npt.NDArray[np.int32]:
        """Codes of a category column, a read-only view of shape ``(rows,)``.

        Raises
        ------
        TypeError
            When the column holds numbers.
        """
        if self.type(column) != "category":
            raise TypeError(f"column {column!r} holds {self.type(column)}, not categories")
        codes: npt.NDArray[np.int32] = self._columns.values(column)
        return codes

    def categories(self, column: str) -> list[str]:
        """Names that the codes of a category column index; empty for numbers."""
        return self._columns.categories(column)

    def __getitem__(self, column: str) -> npt.NDArray[Any]:
        values = self._columns.values(column)
        if self.type(column) != "category":
            return values
        names: npt.NDArray[Any] = np.array(self.categories(column), dtype=object)[values]
        return names

    def csv(self) -> Iterator[bytes]:
        """As CSV in UTF-8, in pieces: a header, then rows; missing numbers are empty."""
        yield self._columns.csv_header()
        for begin in range(0, len(self), _CSV_ROWS):
            yield self._columns.csv_rows(begin, begin + _CSV_ROWS)

    def __contains__(self, column: object) -> bool:
        return column in self.columns

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)

    def __len__(self) -> int:
        """Rows of the table (and not its number of columns)."""
        return len(self._columns)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Table):
            return NotImplemented
        return self.columns == other.columns and all(_same(self, other, column) for column in self.columns)

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (self.name, {column: self._data(column) for column in self.columns})

    def _data(self, column: str) -> Any:
        values = self._columns.values(column)
        return (values, self.categories(column)) if self.type(column) == "category" else values

    def with_column(self, column: str, values: Values) -> Table:
        """A copy with another column in front.

        Parameters
        ----------
        column : str
            Its name.
        values : array or sequence of str
            One value for each row.

        Returns
        -------
        Table
        """
        front: dict[str, Any] = {column: _column(values)}
        return _restore(self.name, front | {c: self._data(c) for c in self.columns})

    def to_dict(self) -> dict[str, list[Any]]:
        """Lists of Python values by column; NaN stays NaN."""
        return {column: self[column].tolist() for column in self.columns}

    def to_pandas(self) -> pandas.DataFrame:
        """A pandas frame; category columns become categoricals.

        Raises
        ------
        ImportError
            When pandas is not installed.
        """
        with extra("pandas", "a frame of pandas needs"):
            import pandas

        series: dict[str, Any] = {}
        for column in self.columns:
            values = self._columns.values(column)
            if self.type(column) == "category":
                series[column] = pandas.Categorical.from_codes(values, categories=self.categories(column))
            else:
                series[column] = values
        return pandas.DataFrame(series)

    def to_arrow(self, *, sql: bool = False) -> pyarrow.Table:
        """An Arrow table on the same memory.

        Parameters
        ----------
        sql : bool
            Names that SQL takes without quotes (``llm_ttft_p95_s``), and null where there is no number: numbers are
            copied.

        Raises
        ------
        Error
            When two names would be one.
        ImportError
            When pyarrow is not installed.

        Examples
        --------
        >>> import gpushare as gs
        >>> table = gs.Table("t", {"llm.ttft_p95_s": [0.25, float("nan")]})
        >>> table.to_arrow(sql=True).to_pylist()
        [{'llm_ttft_p95_s': 0.25}, {'llm_ttft_p95_s': None}]
        """
        with extra("arrow", "an Arrow table needs"):
            import pyarrow

        return _for_sql(pyarrow.table(self)) if sql else pyarrow.table(self)

    def _ipython_key_completions_(self) -> list[str]:
        return self.columns

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self._columns.__arrow_c_stream__(requested_schema)

    def _fields(self, rows: int) -> list[Field]:
        fields = []
        for column in self.columns:
            values = self[column][:rows].tolist()
            if self.type(column) == "category":
                fields.append(Field(column, values, "left"))
            else:
                fields.append(Field(column, numbers(values)))
        return fields

    def _title(self) -> str:
        rest = len(self) - _SHOWN_ROWS
        more = f", the first {_SHOWN_ROWS} shown" if rest > 0 else ""
        return f"{self._size()}{more}"

    def __repr__(self) -> str:
        return brief(self, self._size())

    def _size(self) -> str:
        return f"{self.name}: {counted(len(self), 'row')}, {counted(len(self.columns), 'column')}"

    def __str__(self) -> str:
        return f"{self._title()}\n{text_table(self._fields(_SHOWN_ROWS))}".rstrip()

    def text(self, width: int | None = None, keys: int = 1) -> str:
        """All rows, at most `width` columns wide; the first `keys` columns lead each block."""
        return text_table(self._fields(len(self)), width=width, keys=keys)

    def _repr_html_(self) -> str:
        return html_table(self._fields(_SHOWN_ROWS), caption=self._title())


def _for_sql(table: pyarrow.Table) -> pyarrow.Table:
    with extra("arrow", "an Arrow table needs"):
        import pyarrow
        import pyarrow.compute

    names = [re.sub(r"\W+", "_", name) for name in table.column_names]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise fail(_core.Error, "sql", f"two columns would be called {twice[0]}")
    columns = [
        pyarrow.compute.if_else(pyarrow.compute.is_nan(column), None, column)
        if pyarrow.types.is_floating(column.type)
        else column
        for column in table.columns
    ]
    return pyarrow.table(columns, names=names)


def _restore(name: str, data: dict[str, Any]) -> Table:
    return Table._wrap(_core.Columns(name, data))


def _same(a: Table, b: Table, column: str) -> bool:
    if a.type(column) != b.type(column):
        return False
    if a.type(column) == "float64":
        return np.array_equal(a[column], b[column], equal_nan=True)
    return np.array_equal(a[column], b[column])


def concatenate(tables: Sequence[Table]) -> Table:
    """Rows of tables with the same columns, one after the other.

    Parameters
    ----------
    tables : sequence of Table
        At least one.

    Returns
    -------
    Table
        Named as the first.
    """
    first = tables[0]
    data: dict[str, Any] = {}
    for column in first.columns:
        if first.type(column) == "category":
            data[column] = _joined_categories(tables, column)
        else:
            data[column] = np.concatenate([t[column] for t in tables])
    return _restore(first.name, data)


def _joined_categories(tables: Sequence[Table], column: str) -> tuple[npt.NDArray[np.int32], list[str]]:
    index: dict[str, int] = {}
    parts = []
    for table in tables:
        mapping = np.array(
            [index.setdefault(c, len(index)) for c in table.categories(column)], dtype=np.int32
        )
        codes = table.codes(column)
        parts.append(mapping[codes] if len(codes) else codes)
    return np.concatenate(parts), list(index)
