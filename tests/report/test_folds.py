"""Folds in files: the same for everybody, verifiable, and disjoint in what they say."""

from __future__ import annotations

import hashlib
from pathlib import Path

import polars as pl
import pytest

from lmm4lmm.core.errors import InputError
from lmm4lmm.report.folds import check_folds, make_folds, write_folds


def test_equal_prompts_and_groups_stay_together(scores: pl.DataFrame) -> None:
    grouped = scores.with_columns(
        prompt_group=pl.when(pl.col("prompt").is_in(["prompt 3", "prompt 7"])).then(pl.lit("pair"))
    )
    fold = make_folds(grouped, by="prompt", k=5, seed=0).frame.join(scores, on="id")
    assert fold.group_by("prompt").agg(pl.col("fold").n_unique())["fold"].max() == 1
    assert fold.filter(pl.col("prompt").is_in(["prompt 3", "prompt 7"]))["fold"].n_unique() == 1
    assert set(fold["fold"]) == {0, 1, 2, 3, 4}


@pytest.mark.parametrize("by", ["image", "prompt", "generator", "both"])
def test_the_order_of_rows_changes_no_byte(by, scores: pl.DataFrame, tmp_path: Path) -> None:
    shuffled = scores.sample(fraction=1.0, shuffle=True, seed=9)
    files = [
        write_folds(make_folds(table, by=by, k=2, seed=4), tmp_path / f"{i}.csv")
        for i, table in enumerate([scores, shuffled])
    ]
    assert files[0].sha256 == files[1].sha256
    assert sum(files[0].sizes.values()) == files[0].rows == 58
    other = write_folds(make_folds(scores, by=by, k=2, seed=5), tmp_path / "other.csv")
    assert by == "generator" or other.sha256 != files[0].sha256


def test_the_checksum_is_what_sha256sum_reads(scores: pl.DataFrame, tmp_path: Path) -> None:
    found = write_folds(make_folds(scores, by="both", k=2, seed=0), tmp_path / "f.csv", source="toy")
    comment, line = found.checksum.read_text().splitlines()
    assert comment == "# folds of toy: by both, 2 folds, seed 0, 58 rows"
    assert line == f"{hashlib.sha256((tmp_path / 'f.csv').read_bytes()).hexdigest()}  f.csv"
    assert (tmp_path / "f.csv").read_text().splitlines()[0] == "id,prompt_fold,generator_fold"


def test_a_changed_file_and_other_options_are_found(scores: pl.DataFrame, tmp_path: Path) -> None:
    folds, path = make_folds(scores, by="prompt", k=5, seed=0), tmp_path / "f.csv"
    write_folds(folds, path)
    check_folds(folds, path)
    with pytest.raises(InputError, match="is intact, but these options give other folds"):
        check_folds(make_folds(scores, by="prompt", k=5, seed=1), path)
    path.write_text(path.read_text() + "more,1\n")
    with pytest.raises(InputError, match="it was changed"):
        check_folds(folds, path)
    path.with_name("f.csv.sha256").unlink()
    with pytest.raises(InputError, match=r"f.csv.sha256: no such file"):
        check_folds(folds, path)


def test_what_can_not_be_split_is_refused(scores: pl.DataFrame, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="can't make 5 folds by generator: 5 folds need at least 5 groups"):
        make_folds(scores, by="generator", k=5, seed=0)
    nameless = scores.with_columns(generator=pl.when(pl.col("id") != "7").then("generator"))
    with pytest.raises(
        InputError, match=r"need the generator of every row; 1 of 58 rows have none, the first is '7'"
    ):
        make_folds(nameless, by="both", k=2, seed=0)
    with pytest.raises(InputError, match=r"written as \.csv"):
        write_folds(make_folds(scores, by="image", k=5, seed=0), tmp_path / "f.parquet")
