from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from evalmi_release import write_xlsx

from lmm4lmm.core.errors import InputError, ManifestError
from lmm4lmm.core.scores import SCORE_SCHEMA
from lmm4lmm.datasets.tabular import guess_columns, read_tabular


def _write(path: Path, content: str) -> Path:
    path.write_text(content, encoding="utf-8")
    return path


def test_columns_are_mapped_and_the_rest_is_kept(tmp_path: Path) -> None:
    path = _write(tmp_path / "t.csv", "pic,q,a,note\nx/1.png,3.5,2,n\n")
    frame = read_tabular(path, {"image": "pic", "perception": "q"})
    assert frame.columns == [*SCORE_SCHEMA, "a", "note"]
    assert frame.select("id", "image", "perception", "a").row(0) == ("x/1", "x/1.png", 3.5, "2")


def test_a_mapped_name_may_displace_a_column(tmp_path: Path) -> None:
    path = _write(tmp_path / "t.csv", "image,perception,better\n1.png,1,2\n")
    frame = read_tabular(path, {"perception": "better"})
    assert frame.select("perception", "perception (in the file)").row(0) == (2.0, "1")


@pytest.mark.parametrize("suffix", [".tsv", ".jsonl", ".parquet", ".xlsx"])
def test_every_format(suffix: str, tmp_path: Path) -> None:
    frame, path = pl.DataFrame({"Image Name": ["1.png"], "MOS_quality": [3.5]}), tmp_path / f"t{suffix}"
    if suffix == ".xlsx":
        write_xlsx(path, [frame.columns, *map(list, frame.rows())])
    elif suffix == ".tsv":
        frame.write_csv(path, separator="\t")
    else:
        (frame.write_ndjson if suffix == ".jsonl" else frame.write_parquet)(path)
    assert read_tabular(path).select("id", "image", "perception").row(0) == ("1", "1.png", 3.5)


def test_an_id_that_repeats_numbers_something_else() -> None:
    frame = pl.DataFrame({"ID": ["1", "1"], "File_name": ["a.png", "b.png"], "Score": [1, 2]})
    assert guess_columns(frame) == {"image": "File_name", "perception": "Score"}


def test_names_that_generators_share_are_told_apart(tmp_path: Path) -> None:
    path = _write(tmp_path / "t.csv", "image,model,mos\n1.png,a,1\n1.png,b,2\n")
    assert read_tabular(path)["id"].to_list() == ["a/1", "b/1"]


def test_several_rows_an_image_are_refused_or_averaged(tmp_path: Path) -> None:
    path = _write(tmp_path / "t.csv", "image,mos,note\n1.png,1,x\n2.png,5,x\n1.png,2,y\n")
    with pytest.raises(ManifestError, match="row 2 has the same id"):
        read_tabular(path)
    frame = read_tabular(path, repeats="mean")
    assert frame.select("id", "perception", "rows").rows() == [("1", 1.5, 2), ("2", 5.0, 1)]


@pytest.mark.parametrize(
    ("columns", "error", "message"),
    [
        ({"image": "pick"}, ManifestError, "did you mean 'pic'"),
        ({"percepton": "q"}, InputError, "did you mean 'perception'"),
        (
            {"image": "pic", "perception": "note"},
            ManifestError,
            "row 2, column 'perception': a finite number",
        ),
        ({"image": "pic"}, ManifestError, "no column holds a score"),
        ({"perception": "q"}, ManifestError, "which column names the images"),
    ],
)
def test_mistakes_are_named(
    columns: dict[str, str], error: type[Exception], message: str, tmp_path: Path
) -> None:
    path = _write(tmp_path / "t.csv", "pic,q,note\n1.png,3.5,n\n")
    with pytest.raises(error, match=message):
        read_tabular(path, columns)


def test_agiqa_3k(shared_data: Path) -> None:
    """2,982 images (Li et al. 2023); columns recognised by name."""
    frame = read_tabular(shared_data / "score_tables" / "agiqa3k" / "data.csv")
    assert frame.height == 2_982
    for name in ("perception", "perception_std", "correspondence", "correspondence_std"):
        assert frame[name].null_count() == 0
    assert frame["perception"][0] == 0.965602553
    assert frame["prompt"][0] == "statue of a man"


def test_agiqa_1k(shared_data: Path) -> None:
    """1,080 images (Zhang et al. 2023); the spreadsheet lists one image twice, the CSV does not."""
    folder = shared_data / "score_tables" / "agiqa1k"
    assert read_tabular(folder / "AIGC_all.csv").height == 1_080
    with pytest.raises(ManifestError, match="row 1080 has the same id"):
        read_tabular(folder / "AIGC_MOS_Zscore.xlsx")
    assert read_tabular(folder / "AIGC_MOS_Zscore.xlsx", repeats="mean").height == 1_079


def test_aigciqa2023_without_its_scores_is_refused(shared_data: Path) -> None:
    """The tables here hold prompts and names; no column could be a score, and none is made up."""
    with pytest.raises(ManifestError, match="which column names the images"):
        read_tabular(shared_data / "score_tables" / "aigciqa2023" / "pic-index.xlsx")


def test_edges(shared_data: Path) -> None:
    """EDGeS '23: 8,408 true/false rows, 17 tasks x 4 models (DATA.md); 16 images are answered twice."""
    path = shared_data / "score_tables/intel_edges/annotations/AAAI_EDGeS_23/annotations_df_230311.csv"
    frame = read_tabular(path, repeats="mean")
    assert (frame["rows"].sum(), frame.height) == (8_408, 8_392)
    assert frame["generator"].n_unique() == 4
    assert frame["task"].n_unique() == 17
    assert set(frame["answer"]) <= {0.0, 0.5, 1.0}


def test_tifa(shared_data: Path) -> None:
    """TIFA v1.0: 800 images, 1 to 5 (DATA.md), as one JSON object of objects."""
    path = shared_data / "score_tables/tifa/human_annotations/human_annotations_with_scores.json"
    frame = read_tabular(path, {"image": "image_path", "prompt": "text", "correspondence": "human_avg"})
    assert frame.height == 800
    assert frame["correspondence"].is_between(1, 5).all()
