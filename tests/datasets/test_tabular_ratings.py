"""Several raters, scales and directions in tables of any make."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmm4lmm.core.errors import InputError, ManifestError
from lmm4lmm.datasets.ratings import averaged, voted
from lmm4lmm.datasets.tabular import read_tabular
from lmm4lmm.datasets.tabular_checks import examine


def _write(path: Path, content: str) -> Path:
    path.write_text(content, encoding="utf-8")
    return path


def test_a_column_a_rater_is_averaged(tmp_path: Path) -> None:
    path = _write(tmp_path / "t.csv", "image,rater1,rater2,rater3\na.png,1,2,6\nb.png,4,,\nc.png,,,\n")
    frame = read_tabular(path)
    assert frame.select("id", "perception", "perception_std", "perception_n").rows() == [
        ("a", 3.0, pytest.approx(7**0.5), 3),
        ("b", 4.0, None, 1),
        ("c", None, None, 0),
    ]
    assert frame["rater3"].to_list() == ["6", None, None], "the ratings themselves stay"


def test_raters_of_two_dimensions_are_told_apart(tmp_path: Path) -> None:
    header = "image,perception_rater1,perception_rater2,correspondence_rater1,correspondence_rater2"
    frame = read_tabular(_write(tmp_path / "t.csv", f"{header}\na.png,1,3,5,4\n"))
    assert frame.select("perception", "perception_n", "correspondence", "correspondence_std").row(0) == (
        2.0,
        2,
        4.5,
        pytest.approx(0.5**0.5),
    )


def test_raters_may_be_named_by_a_pattern(tmp_path: Path) -> None:
    path = _write(tmp_path / "t.csv", "name,ann_x,ann_y\na.png,1,2\n")
    frame = read_tabular(path, {"image": "name", "correspondence": "ann_*"})
    assert frame.select("correspondence", "correspondence_n").row(0) == (1.5, 2)
    with pytest.raises(ManifestError, match=r"column 'who\*': no column is called like this"):
        read_tabular(path, {"image": "name", "correspondence": "who*"})


def test_a_column_of_means_wins_over_those_of_raters(tmp_path: Path) -> None:
    path = _write(tmp_path / "t.csv", "image,mos,rater1,rater2\na.png,9,1,2\n")
    assert read_tabular(path)["perception"].to_list() == [9.0]


def test_a_row_a_rating_is_averaged(tmp_path: Path) -> None:
    path = _write(tmp_path / "t.csv", "rater,item,rating,prompt\nx,a,1,p\nx,b,5,q\ny,a,2,p\nz,a,6,p\n")
    frame = read_tabular(path)
    assert frame.select("id", "perception", "perception_std", "perception_n", "rows", "prompt").rows() == [
        ("a", 3.0, pytest.approx(7**0.5), 3, 3, "p"),
        ("b", 5.0, None, 1, 1, "q"),
    ]


def test_rows_of_several_dimensions_are_told_apart(tmp_path: Path) -> None:
    rows = "rater,item,dimension,rating\nx,a,perception,1\nx,a,correspondence,5\ny,a,perception,2\n"
    frame = read_tabular(_write(tmp_path / "t.csv", rows))
    columns = ("id", "perception", "perception_n", "correspondence", "correspondence_n")
    assert frame.select(columns).rows() == [("a", 1.5, 2, 5.0, 1)]
    with pytest.raises(ManifestError, match="row 3, column 'dimension': one of perception"):
        read_tabular(_write(tmp_path / "u.csv", rows.replace("correspondence", "match")))


def test_long_and_wide_give_the_same(tmp_path: Path) -> None:
    wide = read_tabular(_write(tmp_path / "w.csv", "image,rater1,rater2\na.png,1,4\nb.png,2,3\n"))
    rows = "image,rater,score\na.png,1,1\na.png,2,4\nb.png,1,2\nb.png,2,3\n"
    long = read_tabular(_write(tmp_path / "l.csv", rows))
    columns = ["id", "perception", "perception_std", "perception_n"]
    assert wide.select(columns).equals(long.select(columns))


def test_a_list_in_a_cell_is_averaged(tmp_path: Path) -> None:
    path = _write(tmp_path / "t.json", '[{"pic": "a.png", "r": [4, 5]}, {"pic": "b.png", "r": [1]}]')
    frame = read_tabular(path, {"image": "pic", "correspondence": "r"})
    assert frame.select("id", "correspondence", "correspondence_n").rows() == [("a", 4.5, 2), ("b", 1.0, 1)]
    with pytest.raises(ManifestError, match="row 2, column 'correspondence': a list of ratings"):
        read_tabular(
            _write(path, path.read_text().replace("[1]", '"one"')), {"image": "pic", "correspondence": "r"}
        )


def test_a_person_who_rates_twice_is_an_error(tmp_path: Path) -> None:
    path = _write(tmp_path / "t.csv", "rater,image,mos\nx,a.png,1\ny,a.png,2\nx,a.png,3\n")
    with pytest.raises(ManifestError, match="row 4, column 'rater': 'x' has rated 'a' in an earlier row"):
        read_tabular(path)


def test_a_rating_that_is_no_number_is_named(tmp_path: Path) -> None:
    path = _write(tmp_path / "t.csv", "image,rater1,rater2\na.png,1,high\n")
    with pytest.raises(ManifestError, match=r"row 2, column 'rater2': a finite number.*'high'"):
        read_tabular(path)


@pytest.mark.parametrize(
    ("scale", "turned"), [(None, [-1.0, -5.0]), ((1.0, 5.0), [5.0, 1.0]), ((0.0, 100.0), [99.0, 95.0])]
)
def test_lower_is_better_is_turned_round(
    scale: tuple[float, float] | None, turned: list[float], tmp_path: Path
) -> None:
    path = _write(tmp_path / "t.csv", "image,dmos\na.png,1\nb.png,5\n")
    by_option = read_tabular(
        path, {"image": "image", "perception": "dmos"}, scale=scale, lower_is_better=["perception"]
    )
    by_sign = read_tabular(path, {"image": "image", "perception": "-dmos"}, scale=scale)
    assert by_option.equals(by_sign)
    assert by_option["perception"].to_list() == turned
    assert by_option["perception (as in the file)"].to_list() == [1.0, 5.0]


def test_a_column_whose_name_begins_with_a_minus_is_taken_as_it_is(tmp_path: Path) -> None:
    frame = read_tabular(_write(tmp_path / "t.csv", "image,-dmos\na.png,1\n"), {"perception": "-dmos"})
    assert frame["perception"].to_list() == [1.0]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("image,mos\na.png,1\nb.png,7\n", "row 3, column 'perception': outside the scale of 1 to 5.*'7'"),
        ("image,rater1,rater2\na.png,1,7\n", "row 2, column 'rater2': outside the scale"),
        ("rater,image,mos\nx,a.png,1\ny,a.png,0\n", "row 3, column 'perception': outside the scale"),
    ],
)
def test_what_is_off_the_scale_is_named_where_it_stands(content: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=message):
        read_tabular(_write(tmp_path / "t.csv", content), scale=(1, 5))


def test_a_scale_must_be_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="lowest to its highest"):
        read_tabular(_write(tmp_path / "t.csv", "image,mos\na.png,1\n"), scale=(5, 1))


def test_examining_lists_every_mistake_and_goes_on(tmp_path: Path) -> None:
    content = "image,mos,prompt\na.png,1,a cat\nb.png,high,A  cat\nc.png,9,dog\nc.png,2,dog\n/d.png,,dog\n"
    reading = examine(_write(tmp_path / "t.csv", content), scale=(1, 5))
    assert [(o.kind, o.row, o.item, o.value, o.fatal) for o in reading.oddities] == [
        ("not_a_number", 3, "b", "high", True),
        ("out_of_range", 4, "c", "9", True),
        ("duplicate_id", 5, "c", "c", True),
        ("implausible_image_path", None, "/d", "/d.png", False),
        ("prompt_spelt_in_several_ways", None, None, "'a cat' | 'A  cat'", False),
        ("missing_score", None, "b", None, False),
        ("missing_score", None, "/d", None, False),
    ]
    assert reading.table["perception"].to_list() == [1.0, None, 9.0, None]


def test_examining_a_clean_table_agrees_with_reading_it(tmp_path: Path) -> None:
    path = _write(tmp_path / "t.csv", "image,mos,prompt\na.png,1,a cat\nb.png,4.5,dog\n")
    reading = examine(path, scale=(1, 5))
    assert reading.oddities == ()
    assert reading.table.equals(read_tabular(path, scale=(1, 5)))


def test_many_mistakes_are_counted_and_the_first_listed(tmp_path: Path) -> None:
    rows = "".join(f"{i}.png,x{i}\n" for i in range(150)) + "z.png,1\n"
    found = [o for o in examine(_write(tmp_path / "t.csv", "image,mos\n" + rows)).oddities if o.fatal]
    assert len(found) == 101
    assert sum(o.count for o in found) == 150


@given(st.lists(st.one_of(st.none(), st.floats(-50, 50)), min_size=1, max_size=8))
def test_a_mean_lies_among_its_ratings(ratings: list[float | None]) -> None:
    frame = pl.DataFrame(
        {"perception_ratings": [ratings]}, schema={"perception_ratings": pl.List(pl.Float64)}
    )
    row = frame.with_columns(averaged("perception")).row(0, named=True)
    known = [rating for rating in ratings if rating is not None]
    assert row["perception_n"] == len(known)
    assert (row["perception"] is None) == (not known)
    assert (row["perception_std"] is None) == (len(known) < 2)
    if known:
        assert min(known) - 1e-9 <= row["perception"] <= max(known) + 1e-9


@given(st.lists(st.sampled_from([0.0, 1.0]), min_size=1, max_size=9))
def test_a_vote_is_turned_by_turning_every_answer(votes: list[float]) -> None:
    both = pl.DataFrame({"answer_ratings": [votes, [1 - vote for vote in votes]]}).with_columns(voted())
    first, second = both["answer"]
    assert (first is None and second is None) or first + second == 1
    assert sum(both["answer_share"]) == pytest.approx(1.0)
