"""The style sheet keeps text readable: WCAG contrast in both themes, on every step of the heat scale."""

from __future__ import annotations

import re
from importlib.resources import files

import jinja2
import pytest

from lmm4lmm.report.heatmap import STEPS


def themes() -> dict[str, dict[str, str]]:
    """Variables of the light and the dark theme, by name."""
    source = (files("lmm4lmm.report") / "templates" / "report.css").read_text("utf-8")
    blocks = re.findall(r":root[^{]*\{([^}]*)\}", jinja2.Template(source).render())
    light, dark = blocks[0], blocks[-1]
    return {
        name: dict(re.findall(r"--([\w-]+):\s*(#[0-9a-f]{6})", block))
        for name, block in (("light", light), ("dark", dark))
    }


def luminance(colour: str) -> float:
    """Relative luminance, WCAG 2.2."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """1 to 21; 4.5 is the least for text of normal size."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_can_be_read(theme: str) -> None:
    found = themes()[theme]
    for ink in ("ink", "ink-2", "ink-3", "accent"):
        for ground in ("bg", "panel"):
            assert contrast(found[ink], found[ground]) >= 4.5, (ink, ground)
    assert contrast(found["ink"], found["warn-soft"]) >= 4.5
    assert contrast(found["accent"], found["warn-soft"]) >= 4.5


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_numbers_on_the_heat_scale_can_be_read(theme: str) -> None:
    found = themes()[theme]
    steps = [found[f"h{i}"] for i in range(STEPS)]
    inks = [found["heat-ink" if i < 6 else "heat-ink-2"] for i in range(STEPS)]
    assert all(contrast(ink, ground) >= 4.5 for ink, ground in zip(inks, steps, strict=True))
    brightness = [luminance(step) for step in steps]
    assert brightness in (sorted(brightness), sorted(brightness, reverse=True))


def test_both_themes_define_the_same_names() -> None:
    light, dark = themes().values()
    assert light.keys() == dark.keys()
