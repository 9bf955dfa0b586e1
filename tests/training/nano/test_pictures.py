from __future__ import annotations

import zlib
from collections import Counter, defaultdict

import numpy as np
import pytest
from PIL import Image

from lmm4lmm.core.errors import InputError
from lmm4lmm.training.distortions import distort
from lmm4lmm.training.nano.pictures import Alter, all_pictures, side_of


@pytest.fixture(scope="module")
def pictures(shared_data):
    return all_pictures(shared_data)


@pytest.fixture(scope="module")
def photo() -> Image.Image:
    from skimage import data

    return Image.fromarray(data.astronaut()).resize((320, 240))


def test_absent_data_are_named(tmp_path):
    with pytest.raises(InputError, match="imagenet_sample"):
        all_pictures(tmp_path)


def test_the_side_of_a_group_is_its_hash_and_nothing_else():
    for group in ("a cat", "two dogs", "n01440764", "ein Fuß"):
        place = zlib.crc32(group.encode()) % 100
        expected = "validation" if place < 5 else "test" if place < 15 else "train"
        assert side_of(group) == side_of(f"  {group.upper()} ".replace("SS", "ß")) == expected
    shares = Counter(side_of(f"prompt {n}") for n in range(20_000))
    assert shares["validation"] / 20_000 == pytest.approx(0.05, abs=0.006)
    assert shares["test"] / 20_000 == pytest.approx(0.10, abs=0.008)


def test_no_prompt_photo_class_or_sentence_straddles_the_split(pictures):
    sides, files = defaultdict(set), defaultdict(set)
    for picture in pictures:
        files[picture.image].add(picture.side)
        sides[picture.group.strip().lower()].add(picture.side)
        if "prompt" in picture.row:
            sides[picture.row["prompt"].strip().lower()].add(picture.side)
    assert all(len(found) == 1 for found in sides.values())
    assert all(len(found) == 1 for found in files.values())
    share = np.mean([picture.side != "train" for picture in pictures])
    assert 0.1 < share < 0.25


def test_the_same_picture_is_never_made_twice_and_a_fault_costs_quality(pictures):
    keys = Counter((picture.image, picture.alter.name) for picture in pictures if picture.source != "nlvr")
    assert keys.most_common(1)[0][1] == 1
    clean = {picture.image: picture.level for picture in pictures if not picture.alter.name}
    faulty = [picture for picture in pictures if picture.alter.fault]
    assert len(faulty) > 1000
    assert all(5 <= picture.level < clean[picture.image] for picture in faulty)
    # a size of its own alone is no fault
    sized = [picture for picture in pictures if picture.alter.name and not picture.alter.fault]
    assert all(picture.level == clean[picture.image] for picture in sized)


def test_the_pictures_are_the_same_at_every_call(pictures, shared_data):
    again = all_pictures(shared_data)
    assert [one.alter for one in again] == [one.alter for one in pictures]
    assert [one.side for one in again] == [one.side for one in pictures]


@pytest.mark.parametrize("fault", ["noise", "blur", "warp"])
def test_the_seed_decides_what_is_done(photo, fault):
    alter = Alter(1.4, fault, 3, jpeg=80, seed=7)
    once, twice = (np.asarray(alter(photo)) for _ in range(2))
    np.testing.assert_array_equal(once, twice)
    if fault != "blur":
        other = np.asarray(Alter(1.4, fault, 3, jpeg=80, seed=9)(photo))
        assert (once != other).any()


def test_size_then_fault_then_jpeg(photo):
    assert Alter(1.4)(photo).size == (448, 336)
    assert Alter(0.1)(photo).size == (267, 200)  # no shorter side than 200
    assert Alter(9.0)(photo).size == (900, 675)  # no longer side than 900
    assert Alter(seed=5)(photo) is photo
    fault = Alter(fault="noise", level=2, seed=3)
    np.testing.assert_array_equal(np.asarray(fault(photo)), np.asarray(distort(photo, "noise", 2, 3)))
    both, quality = (np.asarray(Alter(fault=f, level=2, jpeg=30, seed=3)(photo), int) for f in ("noise", ""))
    assert np.abs(both - np.asarray(fault(photo), int)).max() > 10  # the noise went through the JPEG
    assert np.abs(both - quality).max() > 10


def test_names_tell_alterations_apart_and_nothing_done_has_none():
    assert Alter().name == Alter(seed=9).name == ""
    some = [
        Alter(scale, fault, level, jpeg, seed)
        for scale in (1.0, 1.5)
        for fault, level in (("", 0), ("blur", 1), ("blur", 2), ("noise", 1))
        for jpeg in (0, 80)
        for seed in (1, 2)
    ]
    named = [alter.name for alter in some if alter.name]
    assert len(named) == len(set(named)) == len(some) - 2
