"""docs/training.md can't drift: its table of settings is that of recipes.py, its estimate is what its code prints."""

from __future__ import annotations

import contextlib
import inspect
import io
import re
from collections.abc import Iterator
from dataclasses import fields
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from lmm4lmm.training.recipes import RECIPES, RECIPES_OF_NANO, Lora, Losses, Recipe
from test_docs import commands

PAGE = (Path(__file__).resolve().parent.parent / "docs" / "training.md").read_text(encoding="utf-8")
NESTED = {"lora": Lora, "losses": Losses}
COLUMNS = {**RECIPES, "unified, nano": RECIPES_OF_NANO["unified"]}
"""The table's recipes by the heads of their columns: of the large bases, then what nano has of its own."""


def attributes(kind: type) -> dict[str, str]:
    """What a dataclass says of each of its fields under "Attributes", by the field's name."""
    text = inspect.cleandoc(kind.__doc__ or "").partition("Attributes:\n")[2]
    found = {}
    for names, words in re.findall(r"^    ([\w, ]+): (.*(?:\n {8}.*)*)", text, re.MULTILINE):
        for name in names.split(","):
            found[name.strip()] = " ".join(words.split())
    return found


def value_of(recipe: Recipe, path: str) -> str:
    """A setting as ``--set`` would write it; nothing where the recipe has no such part."""
    value: Any = recipe
    for name in path.split("."):
        if value is None:
            return ""
        value = getattr(value, name)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return "all" if len(value) == 3 else ", ".join(value)
    return "none" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def settings() -> Iterator[tuple[str, str]]:
    """(dotted name, what it does) of everything that ``--set`` can change."""
    for field in fields(Recipe):
        if field.name in NESTED:
            told = attributes(NESTED[field.name])
            yield from ((f"{field.name}.{one.name}", told[one.name]) for one in fields(NESTED[field.name]))
        elif field.name != "name":
            yield field.name, attributes(Recipe)[field.name]


def table() -> str:
    """The table of the page."""
    lines = ["| setting | " + " | ".join(COLUMNS) + " | what it is |", "| --- " * (len(COLUMNS) + 2) + "|"]
    for path, told in settings():
        values = " | ".join(value_of(recipe, path) for recipe in COLUMNS.values())
        lines.append(f"| `{path}` | {values} | {told.replace('``', '`').replace('|', '/')} |")
    return "\n".join(lines)


def test_the_table_of_settings_is_that_of_the_recipes() -> None:
    assert table() in PAGE, f"docs/training.md should hold this table:\n{table()}"


def test_nano_has_no_other_recipe_of_its_own() -> None:
    assert [name for name, recipe in RECIPES_OF_NANO.items() if recipe != RECIPES.get(name)] == ["unified"]


def test_every_recipe_and_loss_is_named_beside_the_table() -> None:
    words = PAGE.replace(table(), "")
    for name in RECIPES:
        assert f"`{name}`" in words
    assert {"losses.rank", "losses.gaussian", "losses.soft_levels"} <= set(
        re.findall(r"`(losses\.\w+)`", words)
    )


def test_the_yaml_of_the_page_is_a_recipe(tmp_path: Path) -> None:
    pytest.importorskip("yaml", reason="needs the extra [train]")
    from lmm4lmm.training.settings import settled

    blocks = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 2
    for block in blocks:
        path = tmp_path / "recipe.yaml"
        path.write_text(block)
        assert settled("stage2", path) != RECIPES["stage2"]


def test_the_recipes_of_its_commands_are_sound() -> None:
    """Each command's recipe with all its settings together, as training would settle it."""
    from lmm4lmm.training.settings import settled

    given = [words for words in commands("docs/training.md") if words[:2] == ["lmm4lmm", "train"]]
    assert len(given) >= 9
    for words in given:
        chosen = [value for option, value in pairwise(words) if option == "--set"]
        recipes = RECIPES if "--base" in words else RECIPES_OF_NANO
        assert settled(words[2], None, chosen, recipes=recipes).name == words[2]


def test_the_estimate_is_what_its_arithmetic_gives() -> None:
    code, told = re.search(
        r"^```python\n(.*?)^```\n+```text\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL
    ).groups()  # type: ignore[union-attr]
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, "docs/training.md", "exec"), {})
    assert printed.getvalue() == told
