"""EvalMi-50K: the facts of DATA.md on the released files, and the traps on a small release of our own."""

from __future__ import annotations

import shutil
from pathlib import Path

import polars as pl
import pytest

from lmm4lmm.core.scores import SCORE_SCHEMA
from lmm4lmm.core.tables import read_table
from lmm4lmm.datasets.evalmi50k import DATASET
from lmm4lmm.datasets.evalmi50k_names import MODELS, PUBLISHED, TASKS, fold_tag
from lmm4lmm.datasets.evalmi50k_prompts import spaced
from lmm4lmm.datasets.evalmi50k_table import EXTRA


@pytest.fixture(scope="module")
def human(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LMM4LMM_HOME", str(tmp_path_factory.mktemp("home")))
        return DATASET.read(shared_data / "evalmi50k")


def _flagged(frame: pl.DataFrame, flag: str) -> pl.DataFrame:
    return frame.filter(pl.col("flags").list.contains(flag))


def test_the_pinned_facts_hold(human: pl.DataFrame) -> None:
    """DATA.md, "Facts that tests may pin"; SD with ddof=1."""
    assert human.height == 50_400
    perception, correspondence = human["perception"], human["correspondence"]
    assert perception.mean() == pytest.approx(50.2097, abs=5e-5)
    assert perception.std() == pytest.approx(12.9476, abs=5e-5)
    assert (perception.min(), perception.max()) == pytest.approx((15.9532, 73.3050), abs=5e-5)
    assert correspondence.mean() == pytest.approx(50.1990, abs=5e-5)
    assert correspondence.std() == pytest.approx(13.7882, abs=5e-5)
    assert (correspondence.min(), correspondence.max()) == pytest.approx((22.0561, 70.2474), abs=5e-5)
    assert human["answer"].mean() == pytest.approx(0.57403, abs=5e-6)
    pearson, spearman = (
        human.select(pl.corr("perception", "correspondence", method=method)).item()
        for method in ("pearson", "spearman")
    )
    assert (pearson, spearman) == pytest.approx((0.592, 0.617), abs=5e-4)


def test_the_best_and_the_last_generators(human: pl.DataFrame) -> None:
    """DATA.md: three best by each score, LWM last on all."""
    means = human.group_by("generator").agg(pl.col("perception", "correspondence", "answer").mean())
    best = {
        d: means.sort(d, descending=True).head(3).select("generator", d).rows() for d in means.columns[1:3]
    }
    assert [name for name, _ in best["perception"]] == ["playground", "Kolors", "Infinity"]
    assert [mean for _, mean in best["perception"]] == pytest.approx([61.64, 61.14, 60.86], abs=5e-3)
    assert [name for name, _ in best["correspondence"]] == ["sd3_5_large", "ali_flux_schnell", "DALLE3"]
    assert [mean for _, mean in best["correspondence"]] == pytest.approx([58.35, 58.10, 57.97], abs=5e-3)
    assert {means.sort(d)["generator"][0] for d in means.columns[1:]} == {"LWM"}


def test_tags_fold_to_twenty_tasks(human: pl.DataFrame) -> None:
    prompts = human.unique("prompt_number")
    assert prompts["raw_tag"].n_unique() == 58
    assert set(prompts["task"]) == set(TASKS)
    assert len(TASKS) == 20
    assert prompts.filter(task="complex").height == 182
    assert set(prompts.filter(pl.col("raw_tag") == "color_attr")["task"]) == {"colors"}
    assert set(prompts.filter("detailed")["raw_tag"].str.contains(r"\+ details?$")) == {True}


def test_questions_and_sub_answers_are_paired(human: pl.DataFrame) -> None:
    assert human.filter(pl.col("sub_answers").list.len() > 0).height == 4_368
    assert human["sub_answers"].list.len().equals(human["sub_questions"].list.len())
    cake = human.row(by_predicate=pl.col("id") == "DALLE3/1069", named=True)
    assert len(cake["sub_questions"]) == len(cake["sub_answers"]) == 3
    assert cake["sub_questions"][0] == "Does the image contain cake? Answer yes or no."
    two = _flagged(human, "two_questions_in_one_cell")
    assert sorted(set(two["prompt_number"])) == list(range(1069, 1086))


def test_every_question_has_its_blank(human: pl.DataFrame) -> None:
    prompts = human.unique("prompt_number")
    questions = pl.concat([prompts["question"], prompts["sub_questions"].explode().drop_nulls()])
    assert len(questions) == 2_660 + 17
    assert questions.str.contains(r"\S\? Answer yes or no\.$").all()


def test_contradicting_sub_answers_are_flagged(human: pl.DataFrame) -> None:
    contradicting = _flagged(human, "answer_contradicts_sub_answers")
    assert contradicting.height == 194
    shuffled = _flagged(human, "sub_answers_shuffled")
    assert sorted(set(shuffled["prompt_number"])) == list(range(1033, 1047))
    assert contradicting.filter(pl.col("prompt_number").is_in(range(1033, 1047))).height == 118


def test_rows_are_joined_by_name_and_not_by_order(human: pl.DataFrame, shared_data: Path) -> None:
    first = human.filter(generator="Kolors")["prompt_number"]
    assert first.to_list() != sorted(first.to_list())
    assert human["id"].to_list() == [
        f"{g}/{n:03}" for g, n in human.select("generator", "prompt_number").iter_rows()
    ]
    asked = read_table(shared_data / "evalmi50k" / "question.xlsx").frame["prompt"]
    for number in (181, 182, 1819, 2100):
        texts = set(human.filter(prompt_number=number)["prompt"])
        assert texts == {asked[number - 1]}
    assert human.group_by("generator").len()["len"].to_list() == [2_100] * 24


def test_identical_prompts_share_a_group(human: pl.DataFrame) -> None:
    prompts = human.unique("prompt_number")
    assert prompts["prompt_group"].n_unique() == prompts["prompt"].n_unique() == 2_090
    pair = prompts.filter(pl.col("prompt_number").is_in([1581, 1601]))
    assert set(pair["prompt_group"]) == {"1581"}
    assert _flagged(prompts, "identical_prompt:1581").height == 2
    assert (
        prompts.filter(pl.col("flags").list.eval(pl.element().str.starts_with("identical")).list.any()).height
        == 20
    )


def test_prompts_that_differ_between_files(human: pl.DataFrame) -> None:
    cut = _flagged(human, "prompt_cut_in_a_file").unique("prompt_number")
    assert cut.select("prompt_number", "prompt").rows() == [
        (1377, "there are no cups in the kitchen. Only mugs are available.")
    ]
    assert set(_flagged(human, "prompt_differs_between_files")["prompt_number"]) == {1371}
    text = pl.concat([human["prompt"], human["prompt_zh"]])
    assert not text.str.contains(r"[\r\n]|^\s|\s$").any()


def test_published_names(human: pl.DataFrame) -> None:
    names = dict(human.select("generator", "generator_published").unique().iter_rows())
    assert names == PUBLISHED
    assert names["ali_flux_schnell"] == "FLUX.1-schnell"
    assert names["LlamaGen_256"] == "LlamaGen"


def test_the_second_read_builds_nothing(
    shared_data: Path, empty_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = DATASET.read(shared_data / "evalmi50k")
    monkeypatch.delattr("lmm4lmm.datasets.evalmi50k_table.build")
    assert first.equals(DATASET.read(shared_data / "evalmi50k"))
    assert len(list((empty_home / "datasets").iterdir())) == 1


@pytest.mark.parametrize(
    ("raw", "task", "detailed"),
    [
        ("view", "view", False),
        ("view + detail", "view", True),
        ("color_attr + detail", "colors", True),
        ("view + World Knowledge", "complex", False),
        ("style + OCR + color + details", "complex", True),
    ],
)
def test_folding(raw: str, task: str, detailed: bool) -> None:
    assert fold_tag(raw) == (task, detailed)


def test_a_blank_is_put_in_once() -> None:
    assert (
        spaced("Is it?Answer yes or no.") == spaced("Is it? Answer yes or no.") == "Is it? Answer yes or no."
    )


def test_a_small_release(release: Path, empty_home: Path) -> None:
    frame = DATASET.read(release)
    assert frame.columns == [*SCORE_SCHEMA, *EXTRA]
    row = frame.row(by_predicate=pl.col("id") == "LlamaGen_256/002", named=True)
    assert (row["perception"], row["correspondence"], row["answer"]) == (52.0, 38.0, 0.0)
    assert (row["prompt"], row["prompt_zh"], row["task"]) == ("a cake with text", "蛋糕", "complex")
    assert row["sub_questions"] == ["Is there a cake? Answer yes or no.", "Is there text? Answer yes or no."]
    assert row["sub_answers"] == [1, 0]
    assert row["flags"] == ["prompt_cut_in_a_file", "two_questions_in_one_cell"]
    third = frame.row(by_predicate=pl.col("id") == "DALLE3/003", named=True)
    assert third["flags"] == ["prompt_differs_between_files", "identical_prompt:0001"]
    assert third["prompt_group"] == "0001"


def test_what_lies_beside_the_table_is_not_read(release: Path, empty_home: Path) -> None:
    expected = DATASET.read(release)
    (release / "~$AIGI2025_MOS_yn.xlsx").write_bytes(b"\x05lock")
    (release / "MOS&QA").mkdir()
    for name in ("AIGI2025_MOS_yn.xlsx", "question.xlsx", "~$AIGI2025_MOS_yn.xlsx"):
        (release / "MOS&QA" / name).write_bytes(b"not a table")
    shutil.rmtree(empty_home)
    assert DATASET.read(release).equals(expected)


def test_a_clone_of_the_public_repository_is_read(release: Path, empty_home: Path, tmp_path: Path) -> None:
    expected = DATASET.read(release)
    clone = tmp_path / "clone"
    for path in release.iterdir():
        folder = clone / ("MOS&QA" if path.suffix == ".xlsx" else "prompts")
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, folder / path.name)
    (clone / "MOS&QA" / "~$AIGI2025_MOS_yn.xlsx").write_bytes(b"\x05lock")
    assert DATASET.read(clone).equals(expected)


def test_every_generator_has_its_published_facts() -> None:
    """24 models (the paper); links are of papers and pages, and what is not sure is left open."""
    assert len(MODELS) == 24
    assert {folder: model.name for folder, model in MODELS.items()} == PUBLISHED
    assert all(model.link is None or model.link.startswith("https://") for model in MODELS.values())
    assert [name for name, model in MODELS.items() if model.open_weights is False] == ["DALLE3"]


def test_the_facts_hold_the_noise_ceilings() -> None:
    """DATA.md: SRCC about .969 (MOS1) and .977 (MOS2)."""
    assert DATASET.facts.ceilings == {"perception": 0.969, "correspondence": 0.977}
