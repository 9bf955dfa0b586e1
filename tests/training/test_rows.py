"""Items joined with human scores: who comes in, with which targets, and what is said about the rest."""

from __future__ import annotations

import math
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmm4lmm.core.errors import InputError, ManifestError
from lmm4lmm.core.records import DIMENSIONS
from lmm4lmm.core.tables import Table
from lmm4lmm.training.rows import read_examples
from lmm4lmm.training.scales import on_our_scale

ITEMS = """id,image,prompt,model,question,source,prompt_group
a,a.png,a cat,sd,,photo1,7
b,b.png,a dog,sd,is it a dog?,photo1,
c,c.png,,flux,,,7
d,d.png,a cow,flux,,7,8
"""


def _write(path: Path, content: str) -> Path:
    path.write_bytes(content.encode())
    return path


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return _write(tmp_path / "manifest.csv", ITEMS)


def test_targets_come_with_their_deviations_and_nan_for_what_is_absent(data: Path, tmp_path: Path) -> None:
    human = _write(
        tmp_path / "h.csv",
        "id,perception,perception_std,correspondence,correspondence_std,answer\n"
        "d,0,,100,12.5,\nb,61.5,9,,3,yes\na,,,,,0.25\n",
    )
    rows = read_examples(data, human, DIMENSIONS)
    assert [one.item.id for one in rows.examples] == ["a", "b", "d"]  # the manifest's order
    nan = math.nan
    wanted = [(nan, nan, nan, nan, 0.25), (61.5, 9.0, nan, nan, 1.0), (0.0, nan, 100.0, 12.5, nan)]
    found = [
        (one.perception, one.perception_std, one.correspondence, one.correspondence_std, one.answer)
        for one in rows.examples
    ]
    assert list(map(repr, found)) == list(map(repr, wanted))
    assert (rows.missing_human, rows.unknown_ids, rows.no_target) == (1, 0, 0)
    assert rows.examples[0].item.path == tmp_path / "a.png"
    assert rows.examples[0].item.generator == "sd"


def test_only_the_outputs_wanted_are_targets(data: Path, tmp_path: Path) -> None:
    human = _write(
        tmp_path / "h.csv", "id,perception,correspondence,answer\na,50,60,1\nb,,60,1\nx,1,2,\ny,1,2,\n"
    )
    rows = read_examples(data, human, ("perception",))
    assert [(one.item.id, one.known) for one in rows.examples] == [("a", ("perception",))]
    assert (rows.missing_human, rows.unknown_ids, rows.no_target) == (2, 2, 1)
    assert rows.notes[1:] == (
        "2 items: no row in the human table, left out",
        "1 item: no target for perception, left out",
        "2 rows of the human table: no such id in the manifest",
    )


def test_what_must_stay_together_is_named_by_its_column(data: Path, tmp_path: Path) -> None:
    human = _write(tmp_path / "h.csv", "id,perception\na,50\nb,50\nc,50\nd,50\n")
    together = [one.together for one in read_examples(data, human, ("perception",)).examples]
    assert together == [
        ("source: photo1", "prompt_group: 7"),
        ("source: photo1",),
        ("prompt_group: 7",),
        ("source: 7", "prompt_group: 8"),
    ]


def test_without_a_prompt_only_perception_and_a_question_of_its_own_mean_anything(tmp_path: Path) -> None:
    data = _write(
        tmp_path / "m.jsonl",
        '{"id": "a", "image": "a.png", "prompt": ""}\n'
        '{"id": "b", "image": "b.png", "prompt": "", "question": "is it red?"}\n',
    )
    human = _write(tmp_path / "h.csv", "id,perception,correspondence,answer\na,50,50,1\nb,50,50,1\n")
    rows = read_examples(data, human, DIMENSIONS)
    assert [one.known for one in rows.examples] == [("perception",), ("perception", "answer")]
    assert "2 items: no prompt, so targets that are about one are left out" in rows.notes


def test_the_human_table_fills_gaps_and_its_question_wins(data: Path, tmp_path: Path) -> None:
    human = _write(
        tmp_path / "h.csv",
        "id,answer,prompt,question,task,generator\n"
        "a,1,a  cat,,animals,x\nb,1,a cat,is it a cat?,,\nc,1,a hen,Is it a hen?Answer yes or no.,,\n",
    )
    rows = read_examples(data, human, ("answer",))
    a, b, c = (one.item for one in rows.examples)
    assert (a.prompt, a.question, a.task, a.generator) == ("a cat", None, "animals", "sd")
    assert (b.prompt, b.question) == ("a dog", "is it a cat?")
    assert (c.prompt, c.question) == ("a hen", "Is it a hen?Answer yes or no.")
    assert "1 item: another prompt in the human table; the manifest's is used" in rows.notes
    assert "1 item: another question in the human table, which is used" in rows.notes


def test_a_table_with_other_names(data: Path, tmp_path: Path) -> None:
    human = _write(tmp_path / "h.csv", "name,mos_quality,mos_align\na.png,50,60\nb.png,70,80\n")
    mapped = read_examples(data, human, DIMENSIONS, {"image": "name", "correspondence": "mos_align"})
    assert [one.known for one in mapped.examples] == [("correspondence",)] * 2
    guessed = read_examples(data, human, DIMENSIONS, "auto")
    assert [(one.perception, one.correspondence) for one in guessed.examples] == [(50, 60), (70, 80)]


def test_a_table_that_is_read_already(data: Path) -> None:
    rows = read_examples(data, pl.DataFrame({"id": ["a"], "perception": [50]}), DIMENSIONS)
    assert [one.perception for one in rows.examples] == [50.0]
    with pytest.raises(InputError, match=r"the human table, row 2, column 'perception': a score is 0 to 100"):
        read_examples(data, pl.DataFrame({"id": ["a", "b"], "perception": [50, 101]}), DIMENSIONS)


def test_a_folder_with_its_prompts(tmp_path: Path) -> None:
    (tmp_path / "sd").mkdir()
    _write(tmp_path / "sd" / "001.png", "")
    prompts = _write(tmp_path / "prompts.txt", "a cat\n")
    human = _write(tmp_path / "h.csv", "id,perception\nsd/001,50\n")
    (only,) = read_examples(tmp_path, human, DIMENSIONS, prompts=prompts).examples
    assert (only.item.prompt, only.item.generator, only.perception) == ("a cat", "sd", 50.0)


def test_nothing_joins(data: Path, tmp_path: Path) -> None:
    human = _write(tmp_path / "h.csv", "id,perception\na.png,50\nb.png,50\n")
    with pytest.raises(
        InputError, match=r"such as 'a', 'b'\) and in .*h\.csv \(such as 'a\.png', 'b\.png'\)"
    ):
        read_examples(data, human, DIMENSIONS)


def test_outputs_that_no_row_teaches_are_told(tmp_path: Path) -> None:
    data = _write(tmp_path / "m.jsonl", '{"id":"1","image":"a.png","prompt":"a cat"}\n')
    human = _write(tmp_path / "h.csv", "id,perception\n1,60\n")
    assert read_examples(data, human, ("perception", "correspondence", "answer")).notes == (
        "no row has a target for correspondence or answer: nothing is learnt for correspondence and answer; "
        "to leave that out: --set outputs=perception --set losses.answer=0",
    )
    assert read_examples(data, human, ("perception",)).notes == ()


def test_no_target_at_all(data: Path, tmp_path: Path) -> None:
    human = _write(tmp_path / "h.csv", "id,perception\na,50\nb,50\n")
    with pytest.raises(InputError, match=r"h\.csv: no item has a target for answer; .*2 items: no target"):
        read_examples(data, human, ("answer",))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            [50, -2],
            r"h\.csv, row 3, column 'mos': a score is 0 to 100; .*-100 to 100.*x \+ 100\) / 200.*-2\.0",
        ),
        ([50, 101], r"h\.csv, row 3, column 'mos'.*on a scale of 0 to 1000, .*--scale 0,1000"),
        ([0.5, -1.2], r"row 3.*on a scale of -3 to 3, .*100 \(x \+ 3\) / 6: .*--scale -3,3"),
        ([5000, -1.2], r"row 2.*these go from -1\.2 to 5000; give the ends of their scale, --scale LOW,HIGH"),
        (
            [1, 2.2, 3.5, 4.9],
            r"column 'mos': all 5 scores .* between 1 and 4\.9.*--scale 1,5.*say --scale 0,100",
        ),
        ([0.1, 2.2, 3.5, 4.9], r"--scale 0,5"),
        ([0.1, 0.2, 0.2, 1], r"x stands for 100 x / 1: give the scale's ends, --scale 0,1\."),
        ([1, 9, 3, 4], r"--scale 1,10"),
    ],
)
def test_another_scale_is_refused_with_advice(values: list[float], message: str, tmp_path: Path) -> None:
    values = values if len(values) == 2 else [*values, values[0]]
    lines = [f"{n},{value},{3 * n}" for n, value in enumerate(values)]
    human = _write(tmp_path / "h.csv", "\n".join(["id,mos,correspondence", *lines]))
    data = _write(tmp_path / "m.csv", "id,image,prompt\n" + "".join(f"{n},{n}.png,p\n" for n in range(9)))
    with pytest.raises(InputError, match=message):
        read_examples(data, human, DIMENSIONS, {"perception": "mos"})


def test_a_few_small_scores_or_scores_of_unwanted_outputs_are_no_other_scale(
    data: Path, tmp_path: Path
) -> None:
    human = _write(tmp_path / "h.csv", "id,perception,correspondence\na,3,500\nb,4,\nc,2,\nd,,\n")
    assert len(read_examples(data, human, ("perception",)).examples) == 3


def test_the_ends_of_a_scale_stretch_scores_and_deviations(data: Path, tmp_path: Path) -> None:
    human = _write(tmp_path / "h.csv", "id,perception,perception_std\na,1,0\nb,3,1\nc,5,0.5\nd,2,2\n")
    rows = read_examples(data, human, ("perception",), scale=(1, 5))
    assert [(one.perception, one.perception_std) for one in rows.examples] == [
        (0, 0), (50, 25), (100, 12.5), (25, 50),
    ]  # fmt: skip
    with pytest.raises(ManifestError, match=r"row 2, column 'perception': a score is 2 to 5;"):
        read_examples(data, human, ("perception",), scale=(2, 5))
    with pytest.raises(InputError, match="not from 5 to 1"):
        read_examples(data, human, ("perception",), scale=(5, 1))


def test_small_scores_are_taken_where_the_caller_says_so(tmp_path: Path) -> None:
    data = _write(tmp_path / "m.csv", "id,image,prompt\n" + "".join(f"{n},{n}.png,p\n" for n in range(9)))
    human = _write(tmp_path / "h.csv", "id,perception\n" + "".join(f"{n},{n}\n" for n in range(9)))
    rows = read_examples(data, human, ("perception",), scale=(0, 100))
    assert [one.perception for one in rows.examples] == list(range(9))


@given(st.lists(st.floats(-50, 250), min_size=2, max_size=8), st.floats(-1000, 1000), st.floats(0.1, 1000))
def test_a_stretched_column_keeps_its_order_and_fills_the_scale(
    values: list[float], low: float, width: float
) -> None:
    high = low + width
    inside = [low + (value + 50) / 300 * (high - low) for value in values]
    frame = pl.DataFrame(
        {"perception": [low, high, *(min(max(value, low), high) for value in inside)]}
    ).with_columns(perception_std=pl.lit(None, pl.Float64))
    found = on_our_scale(Table(Path("t"), frame), {}, ["perception"], (low, high))["perception"].to_list()
    assert found[:2] == pytest.approx([0, 100], abs=1e-9)
    assert all(0 <= value <= 100 for value in found)
    assert found[2:] == pytest.approx([(value + 50) / 3 for value in values], abs=1e-6)


@pytest.mark.parametrize("value", ["-0.1", "100.5"])
def test_a_deviation_that_can_not_be(value: str, data: Path, tmp_path: Path) -> None:
    human = _write(tmp_path / "h.csv", f"id,perception,perception_std\na,50,3\nb,50,{value}\n")
    with pytest.raises(
        ManifestError, match=r"row 3, column 'perception_std': a standard deviation .* 0 to 100"
    ):
        read_examples(data, human, ("perception",))


def test_an_answer_that_can_not_be(data: Path, tmp_path: Path) -> None:
    human = _write(tmp_path / "h.csv", "id,answer\na,1\nb,2\n")
    with pytest.raises(ManifestError, match=r"row 3, column 'answer'"):
        read_examples(data, human, ("answer",))
