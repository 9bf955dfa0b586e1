"""What is measured of the shipped nano's pictures before training: once, whatever stops in between."""

from __future__ import annotations

import json
from pathlib import Path

from lmm4lmm.training.nano.pictures import Alter, Picture
from lmm4lmm.training.nano.rows import measured_once


def picture(image: str, alter: Alter) -> Picture:
    return Picture("made", Path(image), image, image, "train", 50.0, 1.0, alter, {})


def lengths(one: Picture) -> tuple[float, float]:
    return len(one.image) + 1 / 3, float(one.alter.jpeg)


def test_what_was_measured_before_is_not_measured_again(tmp_path: Path) -> None:
    plain, small = Alter(), Alter(jpeg=80, seed=1)
    pictures = [picture("a.png", plain), picture("a.png", small), picture("long.png", small)]
    kept = tmp_path / "work" / "measured.jsonl"
    kept.parent.mkdir()
    known = ["a.png", small.name, 7.5, 80.0]
    kept.write_text(json.dumps(known) + "\n" + json.dumps(known)[:-4])  # a kill left half a line
    told: list[str] = []
    found = measured_once(pictures, lengths, kept, told.append, what="measuring", digits=2)
    assert told == ["measuring: 0 of 2"]
    assert found == {
        ("a.png", ""): (5 + 1 / 3, 0.0),
        ("a.png", small.name): (7.5, 80.0),
        ("long.png", small.name): (8 + 1 / 3, 80.0),
    }
    again = measured_once(pictures, lengths, kept, told.append, what="measuring", digits=2)
    assert told == ["measuring: 0 of 2"]
    assert again["long.png", small.name] == (8.33, 80.0)
