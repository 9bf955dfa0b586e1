"""The leaderboard page as text and numbers: what is on it, what is escaped, what is packed."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from board_fakes import EVIL_NAME, EVIL_PROMPT, FACTS, TASKS, board_scores

from lmm4lmm.core.errors import InputError
from lmm4lmm.datasets.facts import Scale
from lmm4lmm.report import board_prompts
from lmm4lmm.report.board_models import model_cards
from lmm4lmm.report.board_page import BoardSource, write_board_page
from lmm4lmm.report.board_prompts import MISSING, pack_prompts
from lmm4lmm.report.labels import completed
from lmm4lmm.report.summary import leaderboards


def written(
    frame: pl.DataFrame, folder: Path, source: BoardSource | None = None
) -> tuple[str, dict[str, Any]]:
    """The page, and the document that its script reads."""
    out = folder / "index.html"
    write_board_page(frame, out, source=source or BoardSource("t.csv"), resamples=20)
    page = out.read_text("utf-8")
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert found
    return page, json.loads(found[1])


def test_the_document_holds_every_board(tmp_path: Path) -> None:
    frame = board_scores()
    _, document = written(frame, tmp_path, BoardSource("Fake-5", FACTS))
    boards = leaderboards(frame, by_task=True, resamples=20)
    assert [score["key"] for score in document["scores"]] == ["combined", "perception", "correspondence"]
    assert document["tasks"] == ["All tasks", *TASKS]
    names = [model["name"] for model in document["models"]]
    assert set(names) == {"Alpha Painter", "Beta", "Gamma", "delta", EVIL_NAME}
    scene = document["scores"][1]["boards"][3]["rows"]
    assert [names[row[0]] for row in scene][:2] == ["delta", "Alpha Painter"]
    expected = boards.tasks["scene"]["perception"].standings
    for row, standing in zip(scene, expected, strict=True):
        assert row[1] == pytest.approx(standing.mean, abs=0.001)
        assert row[4:7] == [standing.rank, standing.rank_low, standing.rank_high]
        assert row[8] == 12
    together = document["scores"][0]["boards"][0]["rows"]
    assert [row[1] for row in together] == pytest.approx(
        [s.mean for s in boards.combined.board.standings],
        abs=1e-4,  # type: ignore[union-attr]
    )


def test_the_table_stands_in_the_html_itself(tmp_path: Path) -> None:
    page, _ = written(board_scores(), tmp_path, BoardSource("Fake-5", FACTS))
    table = page[page.index('id="models"') : page.index("</table>")]
    assert table.index("Gamma") < table.index("Beta") < table.index("&lt;/script&gt;"), "best combined first"
    for text in (
        "Ácme Labs",
        "closed",
        'href="https://example.org/alpha" rel="noopener noreferrer external"',
    ):
        assert text in table
    assert "CC0 (its README)" in page
    assert "MOS1" in page


def test_nothing_of_the_table_becomes_html(tmp_path: Path) -> None:
    page, document = written(board_scores(), tmp_path, BoardSource("Fake-5", FACTS))
    assert page.count("<script>") == 2, "the page's own two"
    assert "<img" not in page
    assert "javascript:" not in page
    assert EVIL_PROMPT in document["prompts"]["texts"]
    assert set(re.findall(r"https?://[^\"<\s]*", page)) <= {
        "https://example.org/alpha",
        "https://example.org/fake",
        "http://www.w3.org/2000/svg",
    }


def test_a_data_set_with_its_own_scale_says_so(tmp_path: Path) -> None:
    own = replace(FACTS, scales={"perception": Scale(0, 5, "five stars")})
    page, document = written(
        board_scores().with_columns(pl.col("perception") / 20), tmp_path, BoardSource("x", own)
    )
    assert document["scores"][1]["scale"] == "0 to 5, higher is better"
    assert "0 to 5, higher is better. In the source: five stars." in page


def test_what_a_table_lacks_is_left_out(tmp_path: Path) -> None:
    bare = board_scores().select("id", "generator", "perception")
    page, document = written(bare, tmp_path)
    assert document["prompts"] is None
    assert document["tasks"] == ["All tasks"]
    assert [score["key"] for score in document["scores"]] == ["perception"]
    for absent in ('id="tasks"', 'id="profile"', 'id="prompts"', 'id="weights"', ">Maker<"):
        assert absent not in page
    assert "t.csv" in page


def test_a_generator_without_every_score_is_still_on_the_page(tmp_path: Path) -> None:
    frame = board_scores().with_columns(
        correspondence=pl.when(pl.col("generator") != "beta").then("correspondence")
    )
    page, document = written(frame, tmp_path, BoardSource("Fake-5", FACTS))
    assert len(document["scores"][0]["boards"][0]["rows"]) == 4
    assert len(document["scores"][1]["boards"][0]["rows"]) == 5
    assert ">Beta<" in page
    assert "with a score, but not in every dimension, left out" in page


def test_no_score_is_refused(tmp_path: Path) -> None:
    empty = board_scores().with_columns(perception=None, correspondence=None)
    with pytest.raises(InputError, match="no row has a score"):
        written(empty, tmp_path)
    with pytest.raises(InputError, match="is a folder"):
        write_board_page(board_scores(), tmp_path, source=BoardSource("t"))


def test_packed_scores_are_the_scores() -> None:
    frame = completed(board_scores())
    generators = sorted(frame["generator"].unique())
    pack = pack_prompts(frame, generators, TASKS, seed=0)
    assert pack
    assert (pack.shown, pack.of, pack.several) == (36, 36, False)
    one = pack.document["scores"]["perception"]
    raw = np.frombuffer(base64.b64decode(one["data"]), dtype="<u2").reshape(36, len(generators))
    means = frame.group_by("prompt", "generator").agg(pl.col("perception").mean())
    truth = {(p, g): v for p, g, v in means.iter_rows()}
    for i, text in enumerate(pack.document["texts"]):
        for k, generator in enumerate(generators):
            assert one["first"] + one["step"] * raw[i, k] == pytest.approx(
                truth[text, generator], abs=one["step"]
            )
    assert pack.document["tasks"] == sorted(pack.document["tasks"]), "tasks in their order"


def test_missing_and_equal_scores_pack() -> None:
    frame = completed(board_scores(3)).with_columns(
        perception=pl.lit(5.0),
        correspondence=pl.when(pl.col("generator") == "beta").then(-1e6).otherwise(None),
    )
    pack = pack_prompts(frame, ["alpha", "beta"], (), seed=0)
    assert pack
    same = np.frombuffer(base64.b64decode(pack.document["scores"]["perception"]["data"]), "<u2")
    assert len(set(same.tolist())) == 1
    some = np.frombuffer(base64.b64decode(pack.document["scores"]["correspondence"]["data"]), "<u2")
    assert some.reshape(3, 2)[:, 0].tolist() == [MISSING] * 3
    assert (some.reshape(3, 2)[:, 1] != MISSING).all()
    assert pack.document["tasks"] == [-1, -1, -1]


def test_too_many_prompts_are_drawn_by_lot(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(board_prompts, "NUMBERS", 100)
    page, document = written(board_scores(), tmp_path)
    assert len(document["prompts"]["texts"]) == 100 // (5 * 2)
    assert "10 of 36 prompts, drawn by lot" in page


def test_published_names_stay_unique() -> None:
    frame = pl.DataFrame({"generator": ["x1", "x2", "y"], "generator_published": ["X", "X", "Why"]})
    cards = model_cards(frame, ["x1", "x2", "y"], {})
    assert [card.name for card in cards] == ["x1", "x2", "Why"]
    same = model_cards(frame, ["x1", "Why", "y"], {})
    assert len({card.name for card in same}) == 3
    odd = replace(FACTS.models["alpha"], link="ftp://x", open_weights=None)
    assert model_cards(frame, ["alpha"], {"alpha": odd})[0].link == ""
