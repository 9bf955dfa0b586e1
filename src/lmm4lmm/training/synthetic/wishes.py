"""Wishes: what a prompt asks for, apart from its wording."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

from lmm4lmm.training.synthetic.vocabulary import OPPOSITE


@dataclass(frozen=True)
class Group:
    """Some things of one shape, alike in what is named.

    Attributes:
        shape: its name; no two groups of a wish have the same.
        count: how many, 1 to 6.
        counted: whether the number itself is asked for ("three stars", "exactly one star").
        colour, texture, view, mood: asked for, or None where anything will do.
    """

    shape: str
    count: int = 1
    counted: bool = False
    colour: str | None = None
    texture: str | None = None
    view: str | None = None
    mood: str | None = None


@dataclass(frozen=True)
class Wish:
    """All that a prompt asks for; None and () are what it leaves open.

    Attributes:
        groups: at most two.
        relation: of the first group to the second.
        word: to be written.
        place, light, style: of the whole picture.
        without: a shape that must not be there.
    """

    groups: tuple[Group, ...] = ()
    relation: str | None = None
    word: str | None = None
    place: str | None = None
    light: str | None = None
    style: str | None = None
    without: str | None = None

    def with_group(self, index: int, group: Group) -> Wish:
        """The same wish with another group there."""
        return replace(self, groups=(*self.groups[:index], group, *self.groups[index + 1 :]))

    def shapes(self) -> set[str]:
        """Every shape that it names."""
        return {group.shape for group in self.groups} | ({self.without} if self.without else set())

    def key(self) -> str:
        """Equal for wishes that mean the same, however they put it: 12 hex digits."""
        same: Wish = self
        if self.relation in ("right of", "below"):
            same = replace(self, groups=self.groups[::-1], relation=OPPOSITE[self.relation])
        elif self.relation is None:
            same = replace(self, groups=tuple(sorted(self.groups, key=lambda group: group.shape)))
        return hashlib.sha256(repr(same).encode()).hexdigest()[:12]
