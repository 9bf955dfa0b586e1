"""Leaderboards from tables: the contract of ``leaderboard --json`` and what is counted."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from lmm4lmm.core.errors import InputError
from lmm4lmm.core.scores import read_scores
from lmm4lmm.report.labels import compact_letters, join_letters, prompt_clusters
from lmm4lmm.report.summary import leaderboards

Table = Callable[..., pl.DataFrame]
KEYS = {"generator", "mean", "low", "high", "rank", "rank_low", "rank_high", "n", "groups"}


def test_the_json_document_has_what_the_contract_says(scores: pl.DataFrame) -> None:
    document = leaderboards(scores, by_task=True).to_json()
    assert list(document["dimensions"]) == ["perception", "correspondence", "answer"]
    first = document["dimensions"]["perception"][0]
    assert set(first) == KEYS
    assert first["generator"] == "good"
    assert first["rank"] == first["rank_low"] == first["rank_high"] == 1
    assert first["low"] < first["mean"] < first["high"]
    assert sorted(document["tasks"]) == ["task 0", "task 1", "task 2", "task 3"]
    assert set(document["tasks"]["task 0"]["perception"][0]) == KEYS


def test_pairs_and_the_combined_rank_stand_beside_the_dimensions(scores: pl.DataFrame) -> None:
    document = leaderboards(scores, by_task=True).to_json()
    combined = document["combined"]
    assert set(combined["standings"][0]) == KEYS
    assert combined["standings"][0]["generator"] == "good"
    assert list(combined["yardsticks"]) == ["perception", "correspondence", "answer"]
    assert sorted(combined["tasks"]) == sorted(document["tasks"])
    assert {name: len(pairs) for name, pairs in document["pairs"].items()} == {
        "perception": 3,
        "correspondence": 3,
        "answer": 3,
        "combined": 3,
    }
    assert document["told_apart"]["perception"] == {"pairs": 2, "of": 3}
    assert all(pair["a"] == "good" for pair in document["pairs"]["perception"] if pair["different"])


def test_one_dimension_or_two_generators_have_no_combined_rank(table: Table) -> None:
    one_dimension = table([{"perception": float(i), "generator": "abc"[i % 3]} for i in range(9)])
    two_generators = table(
        [{"perception": float(i), "answer": 0.5, "generator": "ab"[i % 2]} for i in range(8)]
    )
    for frame in (one_dimension, two_generators):
        assert "combined" not in leaderboards(frame).to_json()


def test_tasks_are_absent_unless_asked_for(scores: pl.DataFrame) -> None:
    assert "tasks" not in leaderboards(scores).to_json()


def test_means_are_those_of_the_rows_without_an_error(scores: pl.DataFrame) -> None:
    found = leaderboards(scores)
    assert (found.rows, found.failed) == (60, 2)
    by_hand = scores.filter(pl.col("error").is_null()).group_by("generator").agg(pl.col("perception").mean())
    means = {s.generator: s.mean for s in found.dimensions["perception"].standings}
    assert means == pytest.approx(dict(by_hand.iter_rows()))


def test_a_score_beside_an_error_does_not_count(table: Table) -> None:
    rows = [{"perception": 10.0, "generator": "a"}, {"perception": 90.0, "generator": "a", "error": "broken"}]
    assert leaderboards(table(rows)).dimensions["perception"].standings[0].mean == 10.0


def test_rows_without_generator_are_one_group_and_counted(table: Table) -> None:
    rows = [
        {"perception": float(i), "generator": "a" if i % 2 else None, "prompt": str(i // 2)}
        for i in range(20)
    ]
    found = leaderboards(table(rows))
    assert {s.generator for s in found.dimensions["perception"].standings} == {"a", "(unnamed)"}
    assert found.to_json()["unnamed"] == 10


def test_a_dimension_without_scores_is_absent(table: Table) -> None:
    found = leaderboards(table([{"perception": 1.0}, {"perception": 2.0, "correspondence": 3.0}]))
    assert list(found.dimensions) == ["perception", "correspondence"]
    assert found.unscored == {"perception": 0, "correspondence": 1, "answer": 2}


def test_all_failed_is_an_empty_document_and_no_error(table: Table) -> None:
    document = leaderboards(table([{"error": "broken"}] * 3)).to_json()
    assert document["dimensions"] == {}
    assert document["failed"] == 3


def test_the_same_seed_gives_the_same_numbers_whatever_else_is_asked(scores: pl.DataFrame) -> None:
    alone = leaderboards(scores.drop("answer"), seed=3).to_json()["dimensions"]["correspondence"]
    assert leaderboards(scores, seed=3, by_task=True).to_json()["dimensions"]["correspondence"] == alone


def test_a_table_made_by_hand_needs_no_more_than_a_score() -> None:
    board = leaderboards(pl.DataFrame({"perception": [1.0, 2.0], "generator": ["a", "b"]})).dimensions[
        "perception"
    ]
    assert [s.generator for s in board.standings] == ["b", "a"]
    with pytest.raises(InputError, match="its columns are quality"):
        leaderboards(pl.DataFrame({"quality": [1.0]}))


def test_images_without_a_prompt_are_not_taken_for_one_prompt(table: Table) -> None:
    frame = table([{"prompt": None}, {"prompt": ""}, {"prompt": " a cat "}, {"prompt": "a cat"}])
    clusters = prompt_clusters(frame).to_list()
    assert len(set(clusters)) == 3
    assert clusters[2] == clusters[3]


def test_prompt_group_goes_before_the_text(table: Table) -> None:
    frame = table([{"prompt": "a"}, {"prompt": "b"}, {"prompt": "b"}])
    frame = frame.with_columns(prompt_group=pl.Series(["x", "x", None]))
    clusters = prompt_clusters(frame).to_list()
    assert clusters[0] == clusters[1] != clusters[2]


def test_letters_are_joined_and_shortened() -> None:
    every = list("abcdefg")
    assert join_letters(("a", "b")) == "ab"
    assert join_letters(("z", "aa")) == "z aa"
    assert compact_letters(list("abcdg"), every) == "a–d g"
    assert compact_letters(list("ab"), every) == "ab"
    assert compact_letters([], every) == ""


def test_what_the_engine_writes_is_read_and_ranked(tmp_path: Path) -> None:
    rows = [
        {"id": name, "prompt": "p", "generator": name.upper(), "perception": {"score": score, "std": 1}}
        for name, score in (("x", 3), ("y", 4))
    ]
    (tmp_path / "s.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    document = leaderboards(read_scores(tmp_path / "s.jsonl")).to_json()
    assert [row["generator"] for row in document["dimensions"]["perception"]] == ["Y", "X"]
