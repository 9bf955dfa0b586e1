from __future__ import annotations

import json
import tempfile
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmm4lmm.core.errors import InputError, ManifestError
from lmm4lmm.core.records import Answer, Estimate, ScoreRow
from lmm4lmm.core.scores import SCORE_SCHEMA, read_scores, row_to_dict, write_scores

FINITE = st.floats(allow_nan=False, allow_infinity=False)
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00\r"), min_size=1, max_size=8)
ESTIMATES = st.none() | st.builds(Estimate, FINITE, st.none() | FINITE)
ROWS = st.lists(
    st.builds(
        ScoreRow,
        id=TEXT,
        image=TEXT,
        prompt=TEXT,
        generator=st.none() | TEXT,
        task=st.none() | TEXT,
        perception=ESTIMATES,
        correspondence=ESTIMATES,
        answer=st.none() | st.builds(Answer, st.floats(0, 1), TEXT),
        metric=TEXT,
        error=st.none() | TEXT,
        remark=st.none() | TEXT,
    ),
    min_size=1,
    max_size=5,
    unique_by=lambda row: row.id,
)


def _write(path: Path, content: str) -> Path:
    path.write_bytes(content.encode())
    return path


def _expected(row: ScoreRow) -> tuple[object, ...]:
    parts: list[object] = [row.id, row.image, row.prompt, row.generator, row.task]
    for estimate in (row.perception, row.correspondence):
        parts += [estimate.score, estimate.std] if estimate else [None, None]
    parts += [row.answer.p_yes, row.answer.question] if row.answer else [None, None]
    return (*parts, row.metric, row.error, row.remark)


@given(ROWS, st.sampled_from([".jsonl", ".csv", ".parquet"]))
def test_what_is_written_is_read_back(rows: list[ScoreRow], suffix: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"out{suffix}"
        write_scores(iter(rows), path)
        frame = read_scores(path)
    assert frame.schema == SCORE_SCHEMA
    assert frame.rows() == [_expected(row) for row in rows]


def test_rows_have_the_shape_of_the_contract() -> None:
    row = ScoreRow(
        id="a",
        image="g/a.png",
        prompt="p",
        generator="g",
        task=None,
        perception=Estimate(61.2, 3.0),
        answer=Answer(0.75, "is it?"),
        metric="nano-0.1:5f1c09ab",
    )
    assert row_to_dict(row) == {
        "id": "a",
        "image": "g/a.png",
        "prompt": "p",
        "generator": "g",
        "task": None,
        "perception": {"score": 61.2, "std": 3.0},
        "correspondence": None,
        "answer": {"p_yes": 0.75, "question": "is it?"},
        "metric": "nano-0.1:5f1c09ab",
    }


def test_a_failed_item_is_a_row_with_its_error(tmp_path: Path) -> None:
    row = ScoreRow(id="a", image="a.png", prompt="", generator=None, task=None, metric="m", error="0 bytes")
    assert row_to_dict(row)["error"] == "0 bytes"
    write_scores([row], tmp_path / "out.jsonl")
    assert read_scores(tmp_path / "out.jsonl")["error"].to_list() == ["0 bytes"]


@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".parquet"])
def test_a_failed_write_leaves_the_old_file(suffix: str, tmp_path: Path) -> None:
    path = _write(tmp_path / f"out{suffix}", "old")
    bad = ScoreRow(
        id="a", image="a", prompt="", generator=None, task=None, metric="m", perception=Estimate(float("nan"))
    )
    with pytest.raises(InputError, match="item 'a' by m is not finite"):
        write_scores([bad], path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_other_suffixes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"not as '\.xlsx'"):
        write_scores([], tmp_path / "out.xlsx")


def test_nested_plain_and_worded_scores_may_mix(tmp_path: Path) -> None:
    lines: list[dict[str, object]] = [
        {"id": "a", "perception": {"score": 61.5, "std": 2}, "answer": {"p_yes": 0.25, "question": "q"}},
        {"id": "b", "perception": 70, "answer": True, "model": "sd"},
        {"id": "c", "perception": None, "answer": "No", "x": 1},
        {"id": "d", "error": "gone"},
    ]
    frame = read_scores(_write(tmp_path / "s.jsonl", "\n".join(map(json.dumps, lines))))
    assert frame["perception"].to_list() == [61.5, 70.0, None, None]
    assert frame["perception_std"].to_list() == [2.0, None, None, None]
    assert frame["answer"].to_list() == [0.25, 1.0, 0.0, None]
    assert frame["generator"].to_list() == [None, "sd", None, None]
    assert frame.columns == [*SCORE_SCHEMA, "x"]


def test_a_human_table_as_csv(tmp_path: Path) -> None:
    frame = read_scores(
        _write(tmp_path / "s.csv", "answer,id,perception\nyes,007, 61.5\nFalse,8,\n0.5,9,1e1\n")
    )
    assert frame.select("id", "perception", "answer").rows() == [
        ("007", 61.5, 1.0),
        ("8", None, 0.0),
        ("9", 10.0, 0.5),
    ]


def test_ids_join_whatever_the_format(tmp_path: Path) -> None:
    """Parquet may hold them as integers, CSV never does: both must meet as text."""
    pl.DataFrame({"id": [1, 2], "perception": [1, 2]}).write_parquet(tmp_path / "s.parquet")
    assert read_scores(tmp_path / "s.parquet")["id"].to_list() == ["1", "2"]


@pytest.mark.parametrize(
    ("content", "row", "column", "message"),
    [
        ("id,perception\n1,5\n2,abc\n", 3, "perception", "a finite number is expected"),
        ("id,perception\n1,nan\n", 2, "perception", "a finite number is expected"),
        ("id,perception_std\n1,-inf\n", None, None, "no column holds a score"),
        ("id,correspondence,correspondence_std\n1,5,-inf\n", 2, "correspondence_std", "finite"),
        ("id,answer\n1,1.5\n", 2, "answer", "probability of yes"),
        ("id,answer\n1,maybe\n", 2, "answer", "probability of yes"),
        ("id,answer\n1,nan\n", 2, "answer", "probability of yes"),
        ('id,prompt,perception\n1,"x\ny",5\n1,z,6\n', 4, "id", "row 2 has the same id"),
        ("id,perception\n,5\n", 2, "id", "the cell is empty"),
        ("name,perception\na,5\n", None, "id", "no such column"),
        ("id,Perception\na,5\n", None, "Perception", "rename it to 'perception'"),
        ("id,mos\na,5\n", None, None, "no column holds a score"),
        ("id,perception\n", None, None, "no rows"),
    ],
)
def test_mistakes_are_named(
    content: str, row: int | None, column: str | None, message: str, tmp_path: Path
) -> None:
    with pytest.raises(ManifestError, match=message) as caught:
        read_scores(_write(tmp_path / "s.csv", content))
    assert (caught.value.row, caught.value.column) == (row, column)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"id":"a","perception":{"score":"high"}}', "a finite number is expected"),
        ('{"id":"a","perception":{"mean":5}}', "needs the field 'score'"),
        ('{"id":"a","perception":[1,2]}', "a finite number is expected"),
        ('{"id":"a","perception":true}', "a number is expected"),
        ('{"id":"a","answer":{"p_yes":2}}', "probability of yes"),
        ('{"perception":1}', "the key is missing"),
        ("", "the file is empty"),
    ],
)
def test_mistakes_in_json_are_named(line: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=message):
        read_scores(_write(tmp_path / "s.jsonl", line))
