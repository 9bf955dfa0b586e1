"""Names to objects: a room's table first, then entry points of other packages.

Nothing is imported until it is asked for, and importing registers nothing.
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from lmm4lmm.core.errors import InputError, UnknownNameError


@dataclass(frozen=True)
class Catalog:
    """The plug-ins of one kind.

    Args:
        kind: what one is called in messages, say "metric".
        table: name -> "module:object", the room's own.
        group: entry-point group that other packages use, say "lmm4lmm.metrics".
    """

    kind: str
    table: Mapping[str, str]
    group: str

    def targets(self) -> dict[str, str]:
        """Every known name with its "module:object"; our own names win over those of other packages."""
        found = {point.name: point.value for point in entry_points(group=self.group)}
        return {**found, **self.table}

    def names(self) -> list[str]:
        """Every known name, sorted."""
        return sorted(self.targets())

    def load(self, name: str) -> Any:
        """The object behind a name.

        Raises:
            UnknownNameError: nobody registered it; the message holds the nearest names.
            InputError: it is registered, but its module can't be imported.
        """
        targets = self.targets()
        if name not in targets:
            raise UnknownNameError(self.kind, name, targets)
        module, _, attribute = targets[name].partition(":")
        try:
            found: Any = import_module(module)
            for part in attribute.split("."):
                found = getattr(found, part)
        except (ImportError, AttributeError) as error:
            raise InputError(f"{self.kind} '{name}' ({targets[name]}) can't be loaded: {error}") from error
        return found


def takes(loader: Callable[..., object], option: str) -> bool:
    """Whether a loader can be called with this option; True where that can't be seen."""
    names = _parameters(loader)
    return names is None or option in names


def defaults(loader: Callable[..., object]) -> dict[str, Any]:
    """What a loader takes by name, with the value where none is given, None where it must be; empty if unknown."""
    names = _parameters(loader) or []
    parameters = inspect.signature(loader).parameters if names else {}
    return {
        name: None if parameters[name].default is inspect.Parameter.empty else parameters[name].default
        for name in names
    }


def check_options(
    kind: str,
    name: str,
    loader: Callable[..., object],
    given: Collection[str],
    *,
    elsewhere: Collection[str] = (),
) -> None:
    """Refuses what a plug-in's loader does not take.

    Args:
        kind: what a plug-in is called in messages.
        name: of the plug-in.
        loader: what the catalogue holds for it.
        given: names of options.
        elsewhere: parameters that the user gives by other means, or not at all: not listed in messages.

    Raises:
        InputError: names the option, the nearest that there is, and all that there are.
    """
    names = _parameters(loader)
    if names is None:
        return
    own = [one for one in names if one not in elsewhere]
    for option in given:
        if option in names:
            continue
        near = difflib.get_close_matches(option, own, n=1, cutoff=0.5)
        hint = f"; did you mean {near[0]}?" if near else ""
        known = f"its options are {', '.join(own)}" if own else "it has no options of its own"
        raise InputError(f"{kind} '{name}' takes no option '{option}'; {known}{hint}")


def _parameters(loader: Callable[..., object]) -> list[str] | None:
    """What a loader takes by name; None where it takes anything, or is written in C and must look after itself."""
    try:
        parameters = inspect.signature(loader).parameters.values()
    except (TypeError, ValueError):
        return None
    if any(one.kind is one.VAR_KEYWORD for one in parameters):
        return None
    return [one.name for one in parameters if one.kind in (one.KEYWORD_ONLY, one.POSITIONAL_OR_KEYWORD)]
