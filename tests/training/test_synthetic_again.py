from __future__ import annotations

from collections import defaultdict

import msgspec
import numpy as np
import pytest

from lmm4lmm.core.files import sha256
from lmm4lmm.core.records import DIMENSIONS
from lmm4lmm.training.leaks import check_leaks
from lmm4lmm.training.rows import read_examples
from lmm4lmm.training.splitting import SplitPlan, split
from lmm4lmm.training.synthetic.again import asked_again
from lmm4lmm.training.synthetic.facts import correspondence, holds
from lmm4lmm.training.synthetic.world import world
from lmm4lmm.training.synthetic.writing import write

TIMES = 3


@pytest.fixture(scope="module")
def asked():
    """Every third record of a world with what it is asked again."""
    w = world(7, prompts=170, generators=4)
    return [(record, list(asked_again(w, record, TIMES))) for record in (w[n] for n in range(0, len(w), 3))]


def test_what_is_asked_is_another_prompt_with_the_truth_about_the_picture(asked):
    for record, others in asked:
        scene = record.picture.scene
        for other in others:
            assert other.prompt.group != record.prompt.group
            assert other.truth.perception == record.truth.perception
            assert other.truth.correspondence == correspondence(other.prompt.facts, scene)
            told = all(holds(fact, scene) for fact in other.prompt.asked)
            assert other.truth.answer == (told != other.prompt.denied)
        assert len({other.prompt for other in others}) == len(others) <= TIMES
        assert [other.id for other in others] == [f"{record.id}-{n + 1}" for n in range(len(others))]
    assert np.mean([len(others) for _, others in asked]) > 2


def test_opinions_follow_the_truth_of_the_prompt_that_is_asked(asked):
    every = [other for _, others in asked for other in others]
    truth = [other.truth.correspondence for other in every]
    said = [other.opinion.correspondence for other in every]
    assert np.corrcoef(truth, said)[0, 1] > 0.9
    assert np.mean([other.truth.answer == other.opinion.answer for other in every]) > 0.97


def test_of_its_own_task_no_is_hardly_oftener_the_answer_than_yes(asked):
    """One "no" more a picture, and one for a prompt that was asked already."""
    for record, others in asked:
        own = [other.truth.answer for other in others if other.prompt.task == record.prompt.task]
        assert own.count(False) <= own.count(True) + 2
    every = [other.truth.answer for _, others in asked for other in others]
    assert 0.1 < np.mean(every) < 0.6


def test_asking_depends_on_the_world_and_the_record_alone(asked):
    w = world(7, prompts=170, generators=4)
    for record, others in reversed(asked[::20]):
        assert list(asked_again(w, w[record.number], TIMES)) == others
        fewer = list(asked_again(w, record, 1))
        assert fewer == others[:1]
        assert list(asked_again(w, record, 0)) == []
    other = world(8, prompts=170, generators=4)
    assert list(asked_again(other, other[0], TIMES)) != asked[0][1]


def test_pictures_and_prompts_hang_together_in_three_pools_or_more(asked):
    """Components of the graph of prompts that share a picture, found by painting, not by the code under test."""
    neighbours = defaultdict(set)
    for record, others in asked:
        for group in (record.prompt.group, *(other.prompt.group for other in others)):
            neighbours[record.prompt.group].add(group)
            neighbours[group].add(record.prompt.group)
    left, sizes = set(neighbours), []
    while left:
        stack, painted = [next(iter(left))], set()
        while stack:
            if (one := stack.pop()) not in painted:
                painted.add(one)
                stack += neighbours[one]
        left -= painted
        sizes.append(len(painted))
    sizes = np.sort(sizes)[::-1]
    assert len(sizes) >= 3
    assert 0.6 < sizes[0] / sizes.sum() < 0.95
    assert sizes[1:3].min() >= 0.03 * sizes.sum()


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A small world as files, its pictures left out where a test needs none of them: 68 x 2 tiny ones."""
    folder = tmp_path_factory.mktemp("world")
    small = world(3, prompts=68, generators=2, size=(128, 128))
    write(small, folder, again=TIMES)
    return small, folder


def rows_of(folder, name):
    return [msgspec.json.decode(line) for line in (folder / name).read_bytes().splitlines()]


def test_written_rows_say_perception_once_a_picture(written):
    small, folder = written
    items, human, truth = (rows_of(folder, f"{name}.jsonl") for name in ("manifest", "human", "truth"))
    assert [row["id"] for row in items] == [row["id"] for row in human] == [row["id"] for row in truth]
    assert len({row["id"] for row in items}) == len(items) > 2.5 * len(small)
    again = [("-" in row["id"]) for row in items]
    for rows in (human, truth):
        assert [row["perception"] is None for row in rows] == again
        assert all(row["correspondence"] is not None and row["answer"] is not None for row in rows)
    for item in items:
        record = small[int(item["id"].partition("-")[0])]
        assert item["image"] == record.image
        assert (item["prompt"] == record.prompt.text) == ("-" not in item["id"])


def test_writing_again_without_asking_leaves_the_pictures_alone(written, tmp_path):
    _, folder = written
    few = world(3, prompts=2, generators=2, size=(128, 128))
    write(few, tmp_path / "plain")
    write(few, tmp_path / "asked", again=TIMES)
    for record in few:
        one, other, whole = (root / record.image for root in (tmp_path / "plain", tmp_path / "asked", folder))
        assert sha256(one) == sha256(other) == sha256(whole)
    assert len(rows_of(tmp_path / "plain", "manifest.jsonl")) == len(few)
    assert write(few, tmp_path / "asked", again=TIMES) == 0


@pytest.mark.parametrize("seed", [0, 3])
def test_a_written_world_splits_without_a_leak(written, seed):
    _, folder = written
    examples = read_examples(folder / "manifest.jsonl", folder / "human.jsonl", DIMENSIONS).examples
    hashes = [sha256(one.item.path) for one in examples]
    found = split(examples, SplitPlan(seed=seed), hashes)
    check_leaks(examples, found, hashes)
    for side in (found.train, found.validation, found.test):
        assert len(side) > 0.03 * len(examples)
        assert {len(examples[row].known) for row in side} == {2, 3}
