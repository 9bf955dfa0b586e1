"""Designs from files: defaults, and errors that say the field, the value and what would be right."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lmm4lmm.core.errors import InputError, StudyError
from lmm4lmm.study.design import StudyDesign
from lmm4lmm.study.design_file import read_design

WHOLE = """\ufeffname: pilot
title: {en: A pilot, zh: 试验}
languages: [zh, en]
dimensions:
  - name: perception
    scale: slider
  - {name: answer, labels: {en: ["No", "Yes"]}}
ratings_per_item: N
session: {items: 20, count: 2, break_every: 10}
gold:
  - {item: g1, dimension: perception, low: 0, high: 30}
stop_when: {half_width: 0.5, max_ratings: 30}
consent:
  en: "Yes?"
"""


def test_no_file_is_all_defaults() -> None:
    assert read_design(name="mine") == StudyDesign(name="mine")


def test_yaml_and_json_say_the_same(tmp_path: Path) -> None:
    import yaml

    one, two = tmp_path / "d.yaml", tmp_path / "d.json"
    one.write_text(WHOLE, encoding="utf-8")
    two.write_text(json.dumps(yaml.safe_load(WHOLE.lstrip("\ufeff"))), encoding="utf-8")
    design = read_design(one)
    assert design == read_design(two)
    assert design.ratings_per_item == "N"
    assert [one.kind for one in design.dimensions] == ["slider", "yes_no"]
    assert read_design(one, name="second").name == "second"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name: 2026", ["field 'name'", "text is expected", "2026"]),
        ("name: a\nsession: {items: 0}", ["'session.items'", "a whole number >= 1", "found 0"]),
        ("name: a\nsession: {itms: 3}", ["'itms' in session", "did you mean 'items'"]),
        ("name: a\nsesion: {}", ["'sesion'", "did you mean 'session'"]),
        ("name: a\ndimensions: [{name: perception, scale: acr}]", ["[0].scale'", "'acr5'", "'acr'"]),
        ("name: a\ntitle: {fr: x}", ["'title'", "known are en, zh", "'fr'"]),
        ("name: a\nlanguages: [fr]", ["'languages[0]'", "known are en, zh", "'fr'"]),
        ("name: a\ngold: [{item: x}]", ["'gold[0]'", "lacks 'dimension'"]),
        ("name: a\nrepeats: 1.5", ["'repeats'", "<= 1.0", "1.5"]),
        ("name: a\nratings_per_item: [1]", ["'ratings_per_item'", "[1]"]),
        ("name: a\nname: b", ["line 1", "'name' stands twice"]),
        ("name: [", ["line 1", "not YAML"]),
        ("name: a b", ["field 'name'", "letters, digits", "'a b'"]),
        (
            "name: a\ngold: [{item: g, dimension: perception, low: 0, high: 9}]",
            ["'gold[0]'", "from 1 to 5", "[0.0, 9.0]"],
        ),
        ("name: a\nstop_when: {half_width: 1, max_ratings: 2}", ["'stop_when.max_ratings'", "found 2"]),
        ("- 1", ["fields with values"]),
        ("", ["needs a name"]),
    ],
)
def test_errors_name_field_value_and_what_is_right(tmp_path: Path, text: str, said: list[str]) -> None:
    file = tmp_path / "design.yaml"
    file.write_text(text)
    with pytest.raises(StudyError) as error:
        read_design(file)
    for words in [str(file), *said]:
        assert words in str(error.value)


def test_merge_keys_are_yaml(tmp_path: Path) -> None:
    file = tmp_path / "design.yaml"
    file.write_text("name: a\ntitle: &one {en: A}\nconsent:\n  <<: *one\n  zh: 好\n", encoding="utf-8")
    assert read_design(file).consent == {"en": "A", "zh": "好"}


@pytest.mark.parametrize(
    ("name", "text"),
    [("d.json", '{"name": "a", "name": "b"}'), ("d.json", "{"), ("d.toml", ""), ("gone.yaml", None)],
)
def test_what_is_no_design(tmp_path: Path, name: str, text: str | None) -> None:
    file = tmp_path / name
    if text is not None:
        file.write_text(text)
    with pytest.raises(InputError, match=name):
        read_design(file)
