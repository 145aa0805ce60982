"""Arithmetic on figures of runs, written as text in a file of claims, and texts with such figures in them."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["Functions", "evaluate", "fill"]

Functions = Mapping[str, Callable[..., Any]]

_OPERATORS: dict[type, Callable[..., Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.USub: operator.neg,
    ast.Not: operator.not_,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_PLACE = re.compile(r"\{([^{}]+?)(?:\|([^{}|]*))?\}")


def evaluate(text: str, functions: Functions) -> Any:
    """The value of an expression: numbers, texts, ``+ - * /``, comparisons, ``and or not``, calls of `functions`.

    Raises
    ------
    ValueError
        For anything else, with the expression.
    """
    try:
        return _value(ast.parse(text.strip(), mode="eval").body, functions)
    except (SyntaxError, TypeError, KeyError) as error:
        raise ValueError(f"{text!r}: {error}") from error


def _value(node: ast.expr, functions: Functions) -> Any:
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.UnaryOp):
        return _OPERATORS[type(node.op)](_value(node.operand, functions))
    if isinstance(node, ast.BinOp):
        return _OPERATORS[type(node.op)](_value(node.left, functions), _value(node.right, functions))
    if isinstance(node, ast.BoolOp):
        together = all if isinstance(node.op, ast.And) else any
        return together(_value(value, functions) for value in node.values)
    if isinstance(node, ast.Compare):
        return _compared(node, functions)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.keywords:
        return functions[node.func.id](*(_value(argument, functions) for argument in node.args))
    raise ValueError(f"{ast.unparse(node)!r} is no arithmetic on figures")


def _compared(node: ast.Compare, functions: Functions) -> bool:
    values = [_value(one, functions) for one in (node.left, *node.comparators)]
    pairs = zip(values, node.ops, values[1:], strict=False)
    return all(bool(_OPERATORS[type(op)](left, right)) for left, op, right in pairs)


def fill(text: str, functions: Functions) -> str:
    """`text` with every ``{expression}`` or ``{expression|format}`` replaced by its value.

    A format is that of `format`; without one a number has the digits that it needs.
    """
    return _PLACE.sub(lambda found: _shown(evaluate(found[1], functions), found[2] or ""), text)


def _shown(value: Any, format_: str) -> str:
    return str(value) if isinstance(value, str) else format(value, format_ or ".4g")
