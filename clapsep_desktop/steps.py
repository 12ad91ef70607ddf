"""Long work as a generator: it yields reports, may be stopped at each, and returns what came of it.

>>> def counted(most):
...     for number in range(most):
...         yield number
...     return f"{most} in all"
>>> carried_out(retold(counted(2), "no. {}".format), print)
no. 0
no. 1
'2 in all'
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import closing
from typing import TypeVar

P = TypeVar("P")
Q = TypeVar("Q")
T = TypeVar("T")


def carried_out(steps: Generator[P, None, T], tell: Callable[[P], object] = lambda _: None) -> T:
    """Does work to its end and tells each of its reports; it is closed if one of them fails."""
    with closing(steps):
        while True:
            try:
                report = next(steps)
            except StopIteration as end:
                result: T = end.value
                return result
            tell(report)


def retold(steps: Generator[P, None, T], tell: Callable[[P], Q]) -> Generator[Q, None, T]:
    """The same work with its reports in other words; it is closed with this."""
    with closing(steps):
        while True:
            try:
                report = next(steps)
            except StopIteration as end:
                result: T = end.value
                return result
            yield tell(report)
