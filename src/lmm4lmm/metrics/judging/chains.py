"""Works in chains, so many at once: the first of a chain goes before the rest of it.

A chain is what is asked about one image. Once its first question is answered, the endpoint has the image's part of
the sequence in its caches, and every further question about it is cheap.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from lmm4lmm.core.errors import ItemError

In = TypeVar("In")
Out = TypeVar("Out")


@dataclass
class _State(Generic[In, Out]):
    """What the threads share."""

    waiting: deque[list[tuple[int, In]]]
    results: dict[int, Out | ItemError] = field(default_factory=dict)
    begun: int = 0
    error: BaseException | None = None
    changed: threading.Condition = field(default_factory=threading.Condition)


def run_chains(
    function: Callable[[In], Out], chains: Sequence[Sequence[In]], *, threads: int, stop: Callable[[], None]
) -> list[list[Out | ItemError]]:
    """Results in the form of ``chains``; an ``ItemError`` takes the place of its own result alone.

    While other chains wait, a thread goes through its chain alone; where none waits, the rest of a chain is shared.

    Args:
        function: called from several threads at once.
        chains: what is done.
        threads: how many at once.
        stop: called when something else than an ``ItemError`` is raised, here or in a thread, to hurry the others.

    Raises:
        BaseException: the first error that is no ``ItemError``; what was not begun is left out.
    """
    numbered: list[list[tuple[int, In]]] = []
    count = 0
    for chain in chains:
        numbered.append([(count + place, one) for place, one in enumerate(chain)])
        count += len(chain)
    state: _State[In, Out] = _State(deque(chain for chain in numbered if chain))
    workers = [
        threading.Thread(target=_work, args=(function, state), name="lmm4lmm-judge", daemon=True)
        for _ in range(min(threads, count))
    ]
    for worker in workers:
        worker.start()
    try:
        with state.changed:
            state.changed.wait_for(lambda: state.error is not None or len(state.results) == count)
    except BaseException as error:  # Ctrl-C: the threads must hear of it, too
        state.error = state.error or error
        raise
    finally:
        if state.error is not None:
            stop()
        with state.changed:
            state.changed.notify_all()
    if state.error is not None:
        raise state.error
    return [[state.results[number] for number, _ in chain] for chain in numbered]


def _work(function: Callable[[In], Out], state: _State[In, Out]) -> None:
    while chain := _take(state):
        (number, one), rest = chain[0], chain[1:]
        result: Out | ItemError
        try:
            result = function(one)
        except ItemError as error:
            result = error
        except BaseException as error:
            with state.changed:
                state.error = state.error or error
                state.changed.notify_all()
            return
        with state.changed:
            state.results[number] = result
            state.begun -= 1
            if rest:
                # Alone through the chain while others wait; shared out where threads would be idle.
                parts = [rest] if state.waiting else [[each] for each in rest]
                state.waiting.extendleft(reversed(parts))
            state.changed.notify_all()


def _take(state: _State[In, Out]) -> list[tuple[int, In]] | None:
    """The next chain; None when nothing is left or something went wrong."""
    with state.changed:
        state.changed.wait_for(lambda: state.waiting or not state.begun or state.error is not None)
        if state.error is not None or not state.waiting:
            return None
        state.begun += 1
        return state.waiting.popleft()
