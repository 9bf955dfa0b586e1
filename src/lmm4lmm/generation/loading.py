"""From what a user names, ``KIND:TARGET``, to a generator: only what its loader takes is passed on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lmm4lmm.core.catalog import check_options, takes
from lmm4lmm.core.errors import InputError
from lmm4lmm.core.protocols import Generator
from lmm4lmm.generation import GENERATORS
from lmm4lmm.generation.published import PUBLISHED

_ELSEWHERE = ("target", "run")


def open_generator(spec: str, *, options: Mapping[str, Any], run: Path) -> Generator:
    """A source of images, ready to draw.

    Args:
        spec: ``KIND:TARGET``, for instance ``diffusers:DIR_OR_HUB_ID``; or the name of a published model that one of
            ours can run (``lmm4lmm generators list``).
        options: what this kind takes.
        run: the run's folder, for a kind that keeps something there.

    Raises:
        UnknownNameError: no such kind.
        InputError: no target; an option that this kind does not take; a published model that can't be run.
        MissingExtraError: it needs packages that are not installed.
    """
    kind, target, presets = parse_spec(spec)
    loader: Callable[..., Generator] = GENERATORS.load(kind)
    check_options("generator", kind, loader, options, elsewhere=_ELSEWHERE)
    given = {**{name: value for name, value in presets.items() if takes(loader, name)}, **options}
    if takes(loader, "run"):
        given["run"] = run
    return loader(target, **given)


def parse_spec(spec: str) -> tuple[str, str, Mapping[str, Any]]:
    """Kind, target and preset options of a spec.

    Raises:
        UnknownNameError: no such kind or name.
        InputError: no target, or a published model that can't be run.
    """
    kind, colon, target = spec.partition(":")
    if not colon and kind in PUBLISHED:
        recipe = PUBLISHED[kind]
        if recipe.run is None:
            raise InputError(f"{kind} can't be run by lmm4lmm: {recipe.note}; bring its images: folder:DIR")
        return *parse_spec(recipe.run)[:2], recipe.options
    if not colon or kind not in GENERATORS.names():
        GENERATORS.load(kind)  # raises for an unknown one, with the nearest names
        raise InputError(f"generator '{spec}': say of what, {kind}:{_EXAMPLES.get(kind, 'TARGET')}")
    if not target.strip():
        raise InputError(
            f"generator '{spec}': nothing stands after the colon; {kind}:{_EXAMPLES.get(kind, 'TARGET')}"
        )
    return kind, target, {}


_EXAMPLES = {"diffusers": "DIR_OR_HUB_ID", "openai": "MODEL", "folder": "DIR"}
