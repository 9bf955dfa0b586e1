"""Readers written from documentation, on small releases in the published layout: what becomes of each value."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from small_releases import GENEVAL_HEADER, WRITERS, framed, geneval_row, write_geneval

from lmm4lmm.core.errors import InputError, ManifestError
from lmm4lmm.datasets import DATASETS
from lmm4lmm.datasets.oddities import counts


@pytest.fixture
def small(name: str, tmp_path: Path, empty_home: Path) -> pl.DataFrame:
    frame: pl.DataFrame = DATASETS.load(name).read(WRITERS[name](tmp_path))
    return frame


def _rows(frame: pl.DataFrame, *columns: str) -> list[Any]:
    return frame.select(columns).rows()


@pytest.mark.parametrize("name", ["aigciqa2023"])
def test_aigciqa2023(small: pl.DataFrame) -> None:
    columns = ("id", "image", "prompt_number", "generator", "perception", "authenticity", "correspondence")
    assert _rows(small, *columns) == [
        ("0", "Image/allimg/0.png", 0, "Controlnet", 60.5, 47.0, 59.0),
        ("5", "Image/allimg/5.png", 1, "Controlnet", 50.0, 51.0, 52.0),
        ("401", "Image/allimg/401.png", 0, "DALLE", 40.0, 41.0, 42.0),
    ]
    assert small["perception_std"].null_count() == 3, "the released deviations are on another scale"


def test_aigciqa2023_without_an_index_names_no_generator(tmp_path: Path, empty_home: Path) -> None:
    (WRITERS["aigciqa2023"](tmp_path) / "pic-index.xlsx").unlink()
    assert DATASETS.load("aigciqa2023").read(tmp_path)["generator"].null_count() == 3


@pytest.mark.parametrize("name", ["aigiqa20k"])
def test_aigiqa20k(small: pl.DataFrame) -> None:
    assert _rows(small, "id", "image", "generator", "split", "perception") == [
        ("DALLE2_0000", "train/DALLE2_0000.png", "DALLE2", "train", 3.5),
        ("SDXL_0001", "val/SDXL_0001.png", "SDXL", "val", 3.5),
        ("SDXL_0002", "test/SDXL_0002.png", "SDXL", "test", 3.5),
    ]


def test_aigiqa20k_in_one_table(tmp_path: Path, empty_home: Path) -> None:
    (tmp_path / "data.csv").write_text("name,prompt,mos\nSD1.4_0003.png,a boat,1\n")
    assert _rows(DATASETS.load("aigiqa20k").read(tmp_path), "image", "generator", "split") == [
        ("SD1.4_0003.png", "SD1.4", None)
    ]


@pytest.mark.parametrize("name", ["imagenhub"])
def test_imagenhub_averages_three_raters(small: pl.DataFrame) -> None:
    first = small.filter(pl.col("id") == "DALLE/sample_0").row(0, named=True)
    assert (first["correspondence_ratings"], first["correspondence"]) == ([1.0, 0.5, 0.0], 0.5)
    assert first["correspondence_std"] == pytest.approx(0.5)
    assert (first["perception"], first["perception_n"], first["perception_std"]) == (0.5, 3, 0.0)
    assert (first["prompt_number"], first["prompt_group"]) == (0, "sample_0")


@pytest.mark.parametrize("name", ["tia2"])
def test_tia2_takes_the_majority(small: pl.DataFrame) -> None:
    assert small["id"].to_list()[:2] == ["comprehensive/image_0_0_0", "comprehensive/image_1_0_0"]
    assert _rows(small, "answer", "answer_share", "answer_n")[:2] == [
        (1.0, pytest.approx(2 / 3), 3),
        (0.0, 0.0, 3),
    ]
    assert small["task"].unique(maintain_order=True).to_list() == ["comprehensive", "counting", "composition"]


@pytest.mark.parametrize("name", ["evalmuse40k"])
def test_evalmuse40k(small: pl.DataFrame) -> None:
    assert _rows(small, "id", "generator", "correspondence", "correspondence_n", "task") == [
        ("SDXL-Turbo/00001", "SDXL-Turbo", 4.0, 3, "synthetic"),
        ("SD_v1.5/00001", "SD_v1.5", 1.5, 2, "synthetic"),
    ]
    assert small["element_scores"][0] == "{'kite (object)': [1, 1, 1]}"


@pytest.mark.parametrize("name", ["genaibench"])
def test_genaibench(small: pl.DataFrame) -> None:
    assert _rows(small, "image", "prompt", "correspondence", "skills") == [
        ("DALLE_3/00000.jpeg", "two owls", pytest.approx(14 / 3), ["counting", "basic"]),
        ("DALLE_3/00001.jpeg", "an owl left of a tree", 3.0, ["basic"]),
        ("SDXL_Base/00000.jpeg", "two owls", pytest.approx(5 / 3), ["counting", "basic"]),
    ]


@pytest.mark.parametrize("name", ["richhf18k"])
def test_richhf18k(small: pl.DataFrame) -> None:
    assert _rows(small, "id", "perception", "correspondence", "aesthetics", "overall", "token_labels") == [
        ("train/a", 0.75, 1.0, 0.625, 0.5, "1 1 0"),
        ("train/b", 0.25, 0.5, 0.625, 0.5, "1 1 0"),
    ]
    assert small["prompt_group"].to_list() == ["train/a", "train/b"]


@pytest.mark.parametrize("name", ["geneval"])
def test_geneval_reads_a_broken_row_whole_and_judges_by_the_metadata(small: pl.DataFrame) -> None:
    row = {r["prompt_number"]: r for r in small.filter(pl.col("generator") == "if-xl").iter_rows(named=True)}
    assert (row[0]["answer"], row[0]["answer_share"]) == (0.0, 0.2), "counting is exact"
    assert row[0]["correspondence"] == pytest.approx((4 + 4 * 2) / 5)
    assert row[1]["answer"] == 1.0, "the owl is to the left"
    assert (row[2]["answer"], row[2]["answer_share"]) == (1.0, 0.6), "red is among the colours"
    assert (row[2]["realism"], row[2]["realism_n"]) == (pytest.approx((3 * 3 + 2 * 1) / 5), 5)


def test_geneval_reports_the_broken_row(tmp_path: Path) -> None:
    found = DATASETS.load("geneval").oddities(write_geneval(tmp_path))
    assert [(o.kind, o.file, o.row) for o in found] == [
        ("carriage_return_in_a_cell", "annotations_if-xl.csv", 2)
    ]


@pytest.mark.parametrize("name", ["edges"])
def test_edges_leaves_contradictions_open(small: pl.DataFrame) -> None:
    assert _rows(small, "id", "answer", "answer_share", "answer_n", "flags") == [
        ("MJ/p1_1_v1", 1.0, 1.0, 1, []),
        ("SD1.5/p1_1_v1", None, 0.5, 2, ["judged_twice", "judgements_contradict"]),
        ("MJ/p2_1_v1", 0.0, 0.0, 1, []),
        ("MJ/p3_1_v1", 0.0, 0.0, 1, []),
    ]


def test_edges_reports_each_with_its_place(tmp_path: Path) -> None:
    found = DATASETS.load("edges").oddities(WRITERS["edges"](tmp_path))
    assert counts(found) == {
        "judged_twice": 1,
        "judgements_contradict": 1,
        "prompt_differs_between_files": 1,
        "identical_prompts": 1,
        "missing_score": 1,
    }
    place = next(o for o in found if o.kind == "judged_twice")
    assert (place.file, place.row, place.item) == ("annotations_df_230311.csv", 4, "SD1.5/p1_1_v1")


def test_tifa_reports_another_mean(tmp_path: Path) -> None:
    found = DATASETS.load("tifa").oddities(WRITERS["tifa"](tmp_path))
    assert [(o.kind, o.row, o.value) for o in found] == [
        ("released_mean_is_not_that_of_the_ratings", 2, "2.5")
    ]


def _replace(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "file", "old", "new", "message"),
    [
        ("agiqa3k", "data.csv", "3.25", "good", "row 2, column 'mos_quality': a finite number.*'good'"),
        ("agiqa3k", "data.csv", "mos_align", "align", "column 'mos_align': there is no such column"),
        (
            "agiqa3k",
            "data.csv",
            "sd1.5_lowstep_007",
            "sdxl_lowstep_007",
            "row 2, column 'name': MODEL_SETTING_NNN",
        ),
        ("agiqa3k", "data.csv", "3.25", "7.25", "row|out of range of 'sd1.5_lowstep_007'"),
        ("aigciqa2023", "AIGCIQA2023.csv", "5.png", "x.png", "row 3, column 'name': NUMBER.png"),
        ("aigiqa20k", "info_val.csv", "3.5", "-", r"info_val\.csv, row 2, column 'mos'"),
        (
            "edges",
            "annotations/AAAI_EDGeS_23/annotations_df_230311.csv",
            "True",
            "Maybe",
            "row 2.*True or False",
        ),
        (
            "edges",
            "annotations/AAAI_EDGeS_23/annotations_df_230311.csv",
            ",1,Neg",
            ",one,Neg",
            "a whole number",
        ),
        (
            "evalmuse40k",
            "train_list.json",
            "[4, 5, 3]",
            '"four"',
            "row 1, column 'total_score': a list of ratings",
        ),
        ("evalmuse40k", "train_list.json", "[4, 5, 3]", "[]", "a list of ratings"),
        ("genaibench", "genai_image.json", "[5, 4, 5]", "[5, null]", r"row 1, column 'models\.DALLE_3'"),
        ("genaibench", "genai_skills.json", "[0]", '["a"]', r"genai_skills\.json: .*numbers of prompts"),
        (
            "imagenhub",
            "eval/human_ratings/Text-To-Image/Text-To-Image_rater2.tsv",
            "[0.5, 0.5]",
            "[1]",
            "a pair",
        ),
        (
            "imagenhub",
            "eval/human_ratings/Text-To-Image/Text-To-Image_rater2.tsv",
            "sample_1",
            "sample_2",
            "not all",
        ),
        (
            "tia2",
            "human_annotations/human_labels_counting.json",
            "[1, 0, 1]",
            "[1, 0, 2]",
            "labels are 0 or 1",
        ),
        (
            "tifa",
            "human_annotations_with_scores.json",
            "[5, 4]",
            "[5, 9]",
            "out of range of 'coco_1_mini_dalle'",
        ),
        (
            "geneval",
            "annotations/annotations_clip.csv",
            ",4,3.0,",
            ",5,3.0,",
            "task-quality': a whole number from 1",
        ),
        (
            "geneval",
            "annotations/annotations_clip.csv",
            ",4,3.0,",
            ",4,",
            "21 cells where the header names 22",
        ),
        ("geneval", "annotations/annotations_clip.csv", "of two cups", "of cups", "is another one"),
        (
            "geneval",
            "prompts/evaluation_metadata.jsonl",
            '"count": 2',
            '"count": "x"',
            "row 1, column 'include'",
        ),
    ],
)
def test_damage_is_named(
    name: str, file: str, old: str, new: str, message: str, tmp_path: Path, empty_home: Path
) -> None:
    folder = WRITERS[name](tmp_path)
    _replace(folder / file, old, new)
    with pytest.raises(ManifestError, match=message):
        DATASETS.load(name).read(folder)


def test_damage_in_two_raters_tables_is_told_apart(tmp_path: Path, empty_home: Path) -> None:
    folder = WRITERS["imagenhub"](tmp_path)
    path = folder / "eval" / "human_ratings" / "Text-To-Image" / "Text-To-Image_rater3.tsv"
    path.write_text("uid\n")
    with pytest.raises(ManifestError, match=r"Text-To-Image_rater3\.tsv"):
        DATASETS.load("imagenhub").read(folder)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"version https://git-lfs.github.com/spec/v1\n", "pointer of Git LFS"),
        (b"PK\x03\x04 something else entirely", "not a TFRecord file"),
        (framed(b"\x0a\x05ab"), "record 1|row 1.*longer than its message"),
        (framed(b"")[:-2], "cut off"),
        (framed(b""), "names no image"),
        (b"", "the file is empty"),
    ],
)
def test_a_damaged_tfrecord_is_named(content: bytes, message: str, tmp_path: Path, empty_home: Path) -> None:
    (tmp_path / "dev.tfrecord").write_bytes(content)
    with pytest.raises(ManifestError, match=message):
        DATASETS.load("richhf18k").read(tmp_path)


@pytest.mark.parametrize("ends", ["\r\n", "\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_line_ends_and_a_byte_order_mark_do_not_matter(
    ends: str, mark: str, tmp_path: Path, empty_home: Path
) -> None:
    for name, file in (("agiqa3k", "data.csv"), ("geneval", "annotations/annotations_sdv2.csv")):
        folder = tmp_path / name
        folder.mkdir()
        plain = DATASETS.load(name).read(WRITERS[name](folder))
        text = (folder / file).read_bytes().decode()
        (folder / file).write_bytes((mark + text.replace("\n", ends)).encode())
        assert DATASETS.load(name).read(folder).equals(plain)


def test_another_encoding_is_named(tmp_path: Path, empty_home: Path) -> None:
    folder = WRITERS["agiqa3k"](tmp_path)
    (folder / "data.csv").write_bytes(
        (folder / "data.csv").read_text().replace("a cat", "a café").encode("latin-1")
    )
    with pytest.raises(InputError, match=r"row 2: byte 0xe9.*not UTF-8"):
        DATASETS.load("agiqa3k").read(folder)


def test_files_in_two_folders_are_not_guessed(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "train_list.json").write_text(json.dumps([]))
    with pytest.raises(InputError, match="name one"):
        DATASETS.load("evalmuse40k").read(tmp_path)


def test_geneval_has_the_columns_of_the_release() -> None:
    assert len(geneval_row("clip", 0).split(",")) == len(GENEVAL_HEADER.split(","))
