"""``study screen`` and ``study methods``, as people type them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("sqlalchemy", reason="the [study] extra is not installed")

from study_rated import PNG, rated_study

from lmm4lmm.study.records import Step
from lmm4lmm.study.store import open_store

Cli = Callable[..., Any]
RULES = "gold,straight,chance"
MANNERS = (
    "honest",
    "random",
    "honest",
    "straight",
    "honest",
    "honest",
    "honest",
    "inverted",
    *["honest"] * 4,
)
CHEATS = {"R002", "R004", "R008"}


@pytest.fixture
def study(tmp_path: Path) -> Path:
    with open_store(str(tmp_path / "mine.study.sqlite")) as store:
        rated_study(store, tmp_path, MANNERS, idle=1)  # type: ignore[arg-type]
    return tmp_path


def screened(cli: Cli, *more: str) -> dict[str, Any]:
    ended = cli("study", "screen", "mine", "--json", *more)
    assert ended.code == 0, ended.err
    return dict(json.loads(ended.out))


def test_cheats_are_named_and_nobody_is_excluded_unasked(cli: Cli, study: Path) -> None:
    found = screened(cli, "--rules", RULES)
    assert {one["rater"] for one in found["found"]} == CHEATS
    assert (found["raters"], found["excluded"]) == (12, [])
    rules = {
        one["rater"]: {o["rule"] for o in found["found"] if o["rater"] == one["rater"]}
        for one in found["found"]
    }
    assert all("chance" in rules[one] for one in CHEATS)
    assert "straight" in rules["R004"]
    told = cli("study", "screen", "mine", "--rules", RULES)
    assert "3 of 12 raters" in told.out
    assert "nobody is excluded" in told.err
    assert '"excluded_reason": null' in cli("study", "status", "mine", "--json").out


def test_exclude_leaves_the_reasons_in_the_trail(cli: Cli, study: Path) -> None:
    assert set(screened(cli, "--rules", RULES, "--exclude", "--who", "me")["excluded"]) == CHEATS
    with open_store(str(study / "mine.study.sqlite")) as store:
        trail = [row for row in store.audit("mine") if row.action == "excluded"]
    assert {row.rater for row in trail} == CHEATS
    assert all(row.who == "me" and "no better than chance" in row.detail for row in trail)
    again = screened(cli, "--rules", RULES, "--exclude")
    assert (again["found"], again["excluded"], again["raters"]) == ([], [], 9)


def test_speed_alone_can_be_asked_for_and_names_everybody_here(cli: Cli, study: Path) -> None:
    """Simulated raters answer within milliseconds."""
    assert {one["rule"] for one in screened(cli, "--rules", "speed")["found"]} == {"speed"}
    assert len(screened(cli, "--rules", "speed")["found"]) == 12


def test_wrong_rules(cli: Cli, study: Path) -> None:
    ended = cli("study", "screen", "mine", "--rules", "golf")
    assert (ended.code, ended.out) == (2, "")
    assert "gold" in ended.err
    assert "--rules is empty" in cli("study", "screen", "mine", "--rules", ",").err


def test_methods_from_the_study_and_from_its_export_are_the_same(cli: Cli, study: Path) -> None:
    screened(cli, "--rules", RULES, "--exclude")
    assert cli("study", "close", "mine").code == 0
    assert cli("study", "export", "mine", "-o", "out").code == 0
    text = cli("study", "methods", "mine", "--method", "p910").out
    assert cli("study", "methods", "out", "--method", "p910").out == text
    for words in (
        "# Methods: Cats",
        "24 images were rated, of 24 prompts (as far as they were shown), by 2 generators (12 each: g0 and g1).",
        "4 more images were shown and are in no score: 1 to practise on, 2 with a known answer (gold items)",
        'Perception: "How good does this image look, whatever the text says?", on five levels',
        "1 Bad, 2 Poor, 3 Fair, 4 Good, 5 Excellent",
        "13 people were invited by personal links; 12 gave consent, 12 raters rated all",
        "3 raters were excluded, with everything that they rated: R002 (",
        "Training was on 1 image;",
        "a window of at least 400 by 320 pixels",
        "Of 12 raters checked, windows were 1280 by 720 pixels, zooms 100 %; 12 fell short at least once.",
        "2 gold items and 1 trap",
        "3 images of a full session came again, hidden",
        "432 ratings make the scores. 144 of excluded raters are left out.",
        "Perception: 24 images with 9 ratings each (planned: 12).",
        "Scores are maximum-likelihood estimates",
        "Intervals of scores are 95 %, by the normal distribution.",
        "| perception | Krippendorff's alpha, interval | 0.",
        "| correspondence | ICC(A,k), mean of 9 ratings | 0.",
        "noise ceiling: SRCC of a perfect metric | 0.",
        "Recommendation ITU-T P.910 (2023), Annex E.",
        "**Not known to the software; say it, or say that it is unknown:**",
    ):
        assert words in text, words
    assert "not computed" not in text
    assert "still open" not in text
    assert "None" not in text
    assert "nan" not in text


def test_methods_of_an_open_study_without_ratings(cli: Cli, tmp_path: Path) -> None:
    with open_store(str(tmp_path / "mine.study.sqlite")) as store:
        rated_study(store, tmp_path, (), idle=2, ratings_per_item=5, viewing_check=None)
    text = cli("study", "methods", "mine").out
    assert "The study is still open" in text
    assert "2 people were invited by personal links; 0 gave consent" in text
    assert "There are no ratings of perception and correspondence: no score can be reported." in text
    assert "No figure of agreement was computed" in text
    assert "Screens were not checked" in text


def test_methods_goes_to_a_file_and_says_what_is_wrong(cli: Cli, study: Path, tmp_path: Path) -> None:
    assert cli("study", "methods", "mine", "-o", "methods.md").out == ""
    assert Path("methods.md").read_text().startswith("# Methods: Cats")
    assert json.loads(cli("study", "methods", "mine", "--json").out)["method"] == "mos"
    assert "written as .md or .txt" in cli("study", "methods", "mine", "-o", "methods.docx").err
    assert "p910" in cli("study", "methods", "mine", "--method", "p911").err
    (tmp_path / "empty").mkdir()
    ended = cli("study", "methods", "empty")
    assert (ended.code, "design.json" in ended.err) == (2, True)
    assert cli("study", "export", "mine", "-o", "out").code == 0
    table = Path("out/raters.csv")
    table.write_text(table.read_text().replace("R003,", "R003,?,", 1))
    broken = cli("study", "methods", "out")
    assert broken.code == 2
    assert "raters.csv" in broken.err
    table.write_bytes(b"\xff\xfe")
    assert "columns are missing" in cli("study", "methods", "out").err
    table.write_bytes(b"")
    assert "is empty" in cli("study", "methods", "out").err


def test_methods_of_pairs_and_answers(cli: Cli, tmp_path: Path) -> None:
    design = {"dimensions": [{"name": "preference"}], "ratings_per_item": 2, "viewing_check": None}
    Path("design.json").write_text(json.dumps(design))
    Path("items.csv").write_text("id,image,prompt,generator\n1,a.png,x,g\n2,a.png,x,h\n3,a.png,x,i\n")
    (tmp_path / "a.png").write_bytes(PNG)
    assert cli("study", "create", "two", "--items", "items.csv", "--design", "design.json").code == 0
    with open_store(str(tmp_path / "two.study.sqlite")) as store:
        for made in store.invite("two", 2):
            who = store.rater_by_token(made.token)
            assert who is not None
            store.consent(who.id, "en")
            store.instructed(who.id)
            for choice in ("first", "tie", "second"):
                step = store.next(who.id)
                assert isinstance(step, Step)
                store.rate(who.id, step.id, {"preference": choice})
    assert cli("study", "export", "two", "-o", "out").code == 0
    text = cli("study", "methods", "two").out
    assert cli("study", "methods", "out").out == text
    for words in (
        "3 pairs of images were rated, of 1 prompt",
        "as a choice between two images of one prompt, side by side (a tie was allowed)",
        "in one session of at most 60 pairs",
        "with ties after Davidson",
        "No figure of agreement was computed",
        "Davidson, Journal of the American Statistical Association 65, 1970.",
    ):
        assert words in text, words
