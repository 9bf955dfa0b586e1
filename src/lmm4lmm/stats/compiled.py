"""Loops that run as machine code: numba, fetched when the first of them runs and never before.

What is compiled is kept beside the source, else in the user's cache folder, else (both read-only) not at all:
then every process compiles anew, which takes some seconds, and nothing fails.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar, cast

Array: TypeAlias = Any
"""A numpy array or a number in a compiled function. Its docstring says which: numba looks at values, not at hints,
and a hint that is checked at run time would hide the function from it."""

F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """The function as machine code that runs without the GIL; compiled (or loaded) at its first call.

    Args:
        function: what numba understands of Python: arrays, numbers, loops; no other function of ours.
    """

    @functools.cache
    def kept() -> F:
        from numba import njit  # takes 0.2 s to import

        try:
            return cast("F", njit(function, cache=True, nogil=True))
        except RuntimeError:  # "no locator available": no folder that numba may write to
            return forgotten()

    @functools.cache
    def forgotten() -> F:
        from numba import njit

        return cast("F", njit(function, nogil=True))

    @functools.wraps(function)
    def call(*arguments: Any) -> Any:
        try:
            return kept()(*arguments)
        except OSError:  # the folder is full, or was taken away since: no loop of ours touches a file
            return forgotten()(*arguments)

    return cast("F", call)
