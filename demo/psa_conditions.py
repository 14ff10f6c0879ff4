"""Reads a ConnectWise `conditions` expression and turns it into a test of one record."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from demo.psa_refusals import Json, bad_condition

Test = Callable[[Json], bool]
Value = Any  # str, int, float, bool, datetime, None or a list of these
Finder = Callable[[str], Callable[[Json], list[Any]]]

DEEPEST = 40
TOKEN = re.compile(
    r"""\s*(?:(?P<string>"[^"]*")|(?P<date>\[[^\]]*\])|(?P<number>-?\d+(?:\.\d+)?)(?![\w/])
        |(?P<name>[A-Za-z_][\w]*(?:/[A-Za-z_][\w]*)*)|(?P<op>!=|<=|>=|=|<|>)|(?P<mark>[(),]))""",
    re.VERBOSE,
)
WORDS = {"and", "or", "not", "in", "like", "contains"}
ORDERINGS: dict[str, Callable[[Any, Any], bool]] = {
    "<": lambda a, b: bool(a < b),
    "<=": lambda a, b: bool(a <= b),
    ">": lambda a, b: bool(a > b),
    ">=": lambda a, b: bool(a >= b),
}


def parse(text: str, find: Finder) -> Test:
    """The test `text` describes.

    `find` turns a name such as `board/id` into a function giving that field's values in a record, several
    when a list lies on the way, and refuses unknown names. Raises the 400 ApiFindCondition refusal.
    """
    reader = _Reader(_tokens(text), find)
    test = reader.any_of(0)
    reader.finish()
    return test


def read_date(text: str) -> datetime | None:
    """A date or an instant as ConnectWise writes them, in UTC; None when it is neither."""
    for pattern in ("%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d", "%Y-%m-%dT%H:%M:%S.%fZ"):
        try:
            return datetime.strptime(text, pattern).replace(tzinfo=UTC)
        except ValueError:
            continue
    return None


def _tokens(text: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    at, end = 0, len(text.rstrip())
    while at < end:
        match = TOKEN.match(text, at)
        if match is None:
            raise bad_condition(f"Expression is not valid near '{text[at : at + 20].strip()}'.")
        kind = match.lastgroup or "mark"
        value = match.group(kind)
        if kind == "name" and value.lower() in WORDS:
            kind, value = "word", value.lower()
        found.append((kind, value))
        at = match.end()
    return found


class _Reader:
    """A recursive descent over the tokens: any_of > all_of > one > comparison."""

    def __init__(self, tokens: list[tuple[str, str]], find: Finder) -> None:
        self._tokens = tokens
        self._at = 0
        self._find = find

    def any_of(self, depth: int) -> Test:
        if depth > DEEPEST:
            raise bad_condition("Expression is nested too deeply.")
        tests = [self._all_of(depth)]
        while self._take("word", "or"):
            tests.append(self._all_of(depth))
        return tests[0] if len(tests) == 1 else lambda record: any(test(record) for test in tests)

    def finish(self) -> None:
        if self._at < len(self._tokens):
            raise bad_condition(f"Unexpected '{self._tokens[self._at][1]}' in expression.")

    def _all_of(self, depth: int) -> Test:
        tests = [self._one(depth)]
        while self._take("word", "and"):
            tests.append(self._one(depth))
        return tests[0] if len(tests) == 1 else lambda record: all(test(record) for test in tests)

    def _one(self, depth: int) -> Test:
        if self._take("word", "not"):
            inner = self._one(depth + 1) if depth < DEEPEST else self.any_of(depth + 1)
            return lambda record: not inner(record)
        if self._take("mark", "("):
            inner = self.any_of(depth + 1)
            self._need("mark", ")")
            return inner
        return self._comparison()

    def _comparison(self) -> Test:
        values_of = self._find(self._need("name"))
        refused = self._take("word", "not")
        kind, operator = self._next()
        if kind == "op" and not refused:
            return _compare(operator, values_of, self._value())
        if kind != "word" or operator not in ("in", "like", "contains"):
            raise bad_condition(f"'{operator}' is not a recognized operator.")
        test = self._membership(values_of) if operator == "in" else self._pattern(operator, values_of)
        return (lambda record: not test(record)) if refused else test

    def _membership(self, values_of: Callable[[Json], list[Any]]) -> Test:
        self._need("mark", "(")
        wanted = [self._value()]
        while self._take("mark", ","):
            wanted.append(self._value())
        self._need("mark", ")")
        tests = [_compare("=", values_of, value) for value in wanted]
        return lambda record: any(test(record) for test in tests)

    def _pattern(self, operator: str, values_of: Callable[[Json], list[Any]]) -> Test:
        value = self._value()
        if not isinstance(value, str):
            raise bad_condition(f"'{operator}' needs a string in double quotes.")
        body = value if operator == "like" else f"%{value}%"
        pieces = (".*" if char in "%*" else "." if char == "_" else re.escape(char) for char in body)
        pattern = re.compile("".join(pieces), re.IGNORECASE | re.DOTALL)
        return lambda record: any(
            isinstance(one, str) and pattern.fullmatch(one) for one in values_of(record)
        )

    def _value(self) -> Value:
        kind, text = self._next()
        if kind == "string":
            return text[1:-1]
        if kind == "number":
            return float(text) if "." in text else int(text)
        if kind == "date":
            return _date_value(text)
        if kind == "name" and text.lower() in ("true", "false", "null"):
            return {"true": True, "false": False, "null": None}[text.lower()]
        raise bad_condition(f"'{text}' is not a recognized value. Strings must be in double quotes.")

    def _next(self) -> tuple[str, str]:
        if self._at >= len(self._tokens):
            raise bad_condition("Expression ended unexpectedly.")
        self._at += 1
        return self._tokens[self._at - 1]

    def _need(self, kind: str, value: str | None = None) -> str:
        found, text = self._next()
        if found != kind or (value is not None and text != value):
            raise bad_condition(f"Unexpected '{text}' in expression.")
        return text

    def _take(self, kind: str, value: str) -> bool:
        if self._at < len(self._tokens) and self._tokens[self._at] == (kind, value):
            self._at += 1
            return True
        return False


def _date_value(text: str) -> datetime:
    instant = read_date(text[1:-1].strip())
    if instant is None:
        raise bad_condition(f"'{text}' is not a recognized date.")
    return instant


def _compare(operator: str, values_of: Callable[[Json], list[Any]], wanted: Value) -> Test:
    def equal(record: Json) -> bool:
        return any(_same(one, wanted) for one in values_of(record) or [None])

    if operator == "=":
        return equal
    if operator == "!=":
        return lambda record: not equal(record)
    order = ORDERINGS[operator]

    def ordered(record: Json) -> bool:
        for one in values_of(record):
            left, right = _alike(one, wanted)
            if left is not None and right is not None and order(left, right):
                return True
        return False

    return ordered


def _same(one: Any, wanted: Value) -> bool:
    if one is None or wanted is None:
        return one is wanted
    left, right = _alike(one, wanted)
    if isinstance(left, str) and isinstance(right, str):
        return left.lower() == right.lower()  # the vendor's database compares without case
    return bool(left == right)


def _alike(one: Any, wanted: Value) -> tuple[Any, Any]:
    """Both values in one type; refuses a comparison of different types, which ConnectWise does too."""
    if one is None or wanted is None:
        return None, None
    if isinstance(wanted, datetime):
        return (read_date(one) if isinstance(one, str) else None), wanted
    flags = isinstance(one, bool), isinstance(wanted, bool)
    if isinstance(one, str) == isinstance(wanted, str) and flags[0] == flags[1]:
        return one, wanted
    raise bad_condition(f"Value '{wanted}' is not of the field's type.")
