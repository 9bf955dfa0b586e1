"""From exceptions to one message and an exit code.

Exit codes: 0 done, 1 finished but some items failed, 2 wrong usage or input, 70 a fault of ours,
130 interrupted, 141 the reader of our output went away.
"""

from __future__ import annotations

import functools
import os
import sys
import traceback
from collections.abc import Callable
from typing import NoReturn, ParamSpec

import typer

from lmm4lmm.core.errors import Lmm4lmmError

P = ParamSpec("P")

SOME_FAILED = 1
WRONG_INPUT = 2
OUR_FAULT = 70
INTERRUPTED = 130
NOBODY_READS = 141


def guarded(verb: Callable[P, None]) -> Callable[P, None]:
    """A verb that never ends in a traceback, unless ``LMM4LMM_DEBUG=1`` asks for it."""

    @functools.wraps(verb)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            verb(*args, **kwargs)
            sys.stdout.flush()
        except (typer.Exit, typer.Abort, typer.BadParameter):
            raise
        except BrokenPipeError:
            nobody_reads()
        except KeyboardInterrupt:
            stop("Interrupted.", INTERRUPTED)
        except (Lmm4lmmError, OSError, MemoryError) as error:
            show_traceback()
            stop(f"error: {explain(error)}", WRONG_INPUT)
        except Exception as error:
            show_traceback()
            stop(
                f"error: this is a fault in lmm4lmm, not in what you did: {type(error).__name__}: {error}\n"
                "To see where, and to report it, run the same command with LMM4LMM_DEBUG=1.",
                OUR_FAULT,
            )

    return run


def explain(error: BaseException) -> str:
    """What to tell the user: our own errors speak for themselves, the system's get their file named."""
    if isinstance(error, MemoryError):
        return "out of memory; try a smaller --batch-size or --limit"
    if isinstance(error, OSError) and error.strerror:
        place = f"{error.filename}: " if error.filename else ""
        return f"{place}{error.strerror}"
    return str(error) or type(error).__name__


def stop(message: str, code: int) -> NoReturn:
    """Says why on stderr and ends with this exit code."""
    print(message, file=sys.stderr)
    raise typer.Exit(code)


def show_traceback() -> None:
    """The current exception's traceback on stderr, if the user asked for such."""
    if os.environ.get("LMM4LMM_DEBUG", "") not in {"", "0"}:
        traceback.print_exc()


def nobody_reads() -> NoReturn:
    """Ends quietly when the reader went away (``| head``), as other Unix programs do."""
    # Python flushes stdout once more on its way out; without this it would complain there.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    raise typer.Exit(NOBODY_READS)
