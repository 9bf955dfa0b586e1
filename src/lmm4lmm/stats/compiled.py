"""Loops that run as machine code: numba, fetched when the first of them runs and never before.

What is compiled is kept beside the source, else in the user's cache folder, else (both read-only) not at all:
then every process compiles anew, which takes some seconds, and nothing fails.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar, cast

MANY = 20_000
"""From so many images on these loops are worth their start-up time."""
Array: TypeAlias = Any
"""A numpy array or a number in a compiled function. Its docstring says which: numba looks at values, not at hints,
and a hint that is checked at run time would hide the function from it."""

F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """The function as machine code that runs without the GIL; compiled (or loaded) at its first call.

    Args:
        function: what numba understands of Python: arrays, numbers, loops; of our functions ``fetch_ahead`` only.
    """

    @functools.cache
    def kept() -> F:
        from numba import njit  # takes 0.2 s to import

        _explain_fetch_ahead()
        try:
            return cast("F", njit(function, cache=True, nogil=True))
        except RuntimeError:  # "no locator available": no folder that numba may write to
            return forgotten()

    @functools.cache
    def forgotten() -> F:
        from numba import njit

        _explain_fetch_ahead()
        return cast("F", njit(function, nogil=True))

    @functools.wraps(function)
    def call(*arguments: Any) -> Any:
        try:
            return kept()(*arguments)
        except OSError:  # the folder is full, or was taken away since: no loop of ours touches a file
            return forgotten()(*arguments)

    return cast("F", call)


def fetch_ahead(rows: Array, row: Any) -> None:
    """In a compiled loop: asks the processor for the start of ``rows[row]``, which a later turn will need.

    A hint that changes no result. It helps where a loop jumps about in an array that is larger than the caches.

    Args:
        rows: an array, contiguous in C order.
        row: which row; it must exist.
    """


_explaining = threading.Lock()


def _explain_fetch_ahead() -> None:
    """Tells numba what ``fetch_ahead`` is, once: told twice, by two threads, it refuses to choose."""
    with _explaining:
        _explained()


@functools.cache
def _explained() -> None:
    """``fetch_ahead`` is the prefetch instruction."""
    from llvmlite import ir
    from numba import types
    from numba.extending import intrinsic, overload

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        byte, number = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [byte, number, number, number])
        function = builder.module.declare_intrinsic("llvm.prefetch", [byte], kind)
        # for reading, to keep in all caches, data and not instructions
        builder.call(function, [builder.inttoptr(arguments[0], byte), number(0), number(3), number(1)])
        return context.get_dummy_value()

    # lambdas: hints that are checked at run time would hide these functions from numba
    prefetch = intrinsic(lambda typing, address: (types.void(types.intp), generate))
    overload(fetch_ahead)(
        lambda rows, row: lambda rows, row: prefetch(rows.ctypes.data + row * rows.strides[0])
    )
