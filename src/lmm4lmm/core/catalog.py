"""Names to objects: a room's table first, then entry points of other packages.

Nothing is imported until it is asked for, and importing registers nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
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
