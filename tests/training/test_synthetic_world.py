from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections import defaultdict

import numpy as np
import pytest
from PIL import Image

from lmm4lmm.core.errors import InputError
from lmm4lmm.core.manifest import read_manifest
from lmm4lmm.core.scores import read_scores
from lmm4lmm.stats.correlation import srcc
from lmm4lmm.training.distortions import FAULTS
from lmm4lmm.training.synthetic.facts import Fact
from lmm4lmm.training.synthetic.quality import IMAGE_FAULTS, Fault, gravest, perception, visible
from lmm4lmm.training.synthetic.raters import answer, panel, rate
from lmm4lmm.training.synthetic.staging import Wear
from lmm4lmm.training.synthetic.world import world
from lmm4lmm.training.synthetic.writing import fingerprint, write


@pytest.fixture(scope="module")
def records():
    return list(world(1, prompts=17 * 20, generators=10))


def test_one_record_can_be_had_without_the_others():
    forth = world(3, prompts=34, generators=5)
    back = [world(3, prompts=34, generators=5)[number] for number in reversed(range(0, len(forth), 13))]
    for record in back:
        assert record == forth.record(record.number)
    assert forth[-1].number == len(forth) - 1
    with pytest.raises(IndexError):
        forth[len(forth)]


def test_the_same_seed_gives_the_same_bytes_in_another_process_and_order():
    code = (
        "import hashlib; from lmm4lmm.training.synthetic.world import world; w = world(21, prompts=34, generators=3);"
        "print(*(hashlib.sha256(repr((w[k].prompt, w[k].truth, w[k].opinion)).encode() + w[k].picture.encode())"
        ".hexdigest() for k in (99, 50, 31, 0)))"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "77"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True
    )
    w = world(21, prompts=34, generators=3)
    here = [
        hashlib.sha256(
            repr((w[k].prompt, w[k].truth, w[k].opinion)).encode() + w[k].picture.encode()
        ).hexdigest()
        for k in (0, 31, 50, 99)
    ]
    assert done.stdout.split() == here[::-1]
    assert world(22, prompts=34, generators=3)[0].prompt.text != w[0].prompt.text


def test_a_smaller_world_is_the_start_of_a_larger_one():
    small, large = world(3, prompts=17, generators=4), world(3, prompts=340, generators=4)
    assert list(small) == [large[number] for number in range(len(small))]


def test_pictures_come_in_many_sizes_or_in_one(records):
    assert len({(r.picture.scene.width, r.picture.scene.height) for r in records}) == 8
    assert min(r.draw().size[0] for r in records[::200]) >= 256
    assert {r.draw().size for r in world(1, prompts=3, generators=2, size=(128, 160))} == {(128, 160)}


def test_no_prompt_straddles_groups(records):
    groups = defaultdict(set)
    for record in records:
        groups[record.prompt.text.lower().rstrip(".")].add(record.prompt.group)
    assert all(len(found) == 1 for found in groups.values())
    assert len({record.prompt.group for record in records}) > 0.8 * 340


def test_two_ways_to_say_the_same_are_one_group():
    from lmm4lmm.training.synthetic.wishes import Group, Wish

    one, two = Group("star", colour="red"), Group("ring")
    assert Wish((one, two), "left of").key() == Wish((two, one), "right of").key()
    assert Wish((one, two)).key() == Wish((two, one)).key()
    assert Wish((one, two), "left of").key() != Wish((two, one), "left of").key()


def test_answers_are_balanced_in_every_task(records):
    answers = defaultdict(list)
    for record in records:
        answers[record.prompt.task].append(record.truth.answer)
    shares = {task: np.mean(found) for task, found in answers.items()}
    assert len(shares) == 17
    assert {task: share for task, share in shares.items() if not 0.4 <= share <= 0.6} == {}


def test_neither_question_nor_prompt_tells_the_answer(records):
    """Whoever knows how often the first half of the generators got each prompt right can't tell the second."""
    names = sorted({record.generator for record in records})
    first = defaultdict(list)
    for record in records:
        if record.generator in names[:5]:
            first[record.prompt.text].append(record.truth.answer)
    rest = [record for record in records if record.generator in names[5:]]
    hits = [(np.mean(first[r.prompt.text]) > 0.5) == r.truth.answer for r in rest]
    assert np.mean(hits) < 0.6


def test_the_panel_recovers_the_truth(records):
    for name in ("perception", "correspondence"):
        truth = [getattr(record.truth, name) for record in records]
        mos = [getattr(record.opinion, name) for record in records]
        assert srcc(truth, mos) > 0.95 + 0.015 * (name == "perception")
    assert np.mean([record.truth.answer == record.opinion.answer for record in records]) > 0.995


@pytest.mark.parametrize("scale", [(1, 5), (0, 100)])
def test_fifteen_raters_recover_an_even_truth(scale):
    raters = panel(4, 15, low=scale[0], high=scale[1])
    assert raters.careless.sum() == 1
    rng = np.random.default_rng(0)
    truth = np.linspace(0, 100, 400)
    ratings = np.stack([rate(raters, value, rng) for value in truth])
    assert ratings.min() == scale[0]
    assert ratings.max() == scale[1]
    assert srcc(truth, ratings.mean(1)) > 0.98
    assert srcc(truth, ratings[:, raters.careless].mean(1)) < 0.3
    alone = [srcc(truth, ratings[:, k]) for k in np.flatnonzero(~raters.careless)]
    assert max(alone) < 0.98


def test_raters_err_at_their_own_rate():
    raters, rng = panel(4, 40), np.random.default_rng(0)
    wrong = np.stack([~answer(raters, True, rng) for _ in range(3000)]).mean(0)
    expected = np.where(raters.careless, 0.5, raters.mistaken)
    np.testing.assert_allclose(wrong, expected, atol=0.04)


def test_who_made_it_tells_far_less_than_the_truth(records):
    for name, most in (("perception", 0.75), ("correspondence", 0.55)):
        truth = np.array([getattr(record.truth, name) for record in records])
        made = np.array([record.generator for record in records])
        means = {generator: truth[made == generator].mean() for generator in set(made)}
        known = srcc(truth, [means[generator] for generator in made])
        assert 0.15 < known < most
        assert max(means.values()) - min(means.values()) > 15


def test_perception_follows_the_stated_formula():
    assert perception((), Wear()) == 96
    assert perception((Fault("blur", 5),), Wear()) == pytest.approx(4 + 92 / (1 + 2**1.7))
    assert perception((Fault("jpeg", 2), Fault("noise", 4)), Wear(cut=0.5)) == pytest.approx(
        4 + 92 / (1 + (((14 / 41) ** 2 + (33 / 41 * 0.9) ** 2 + 0.4**2) ** 0.5 / 0.5) ** 1.7)
    )
    for name in IMAGE_FAULTS:
        left = [perception((Fault(name, level),), Wear()) for level in range(1, 6)]
        assert left == sorted(left, reverse=True)
    assert set(FAULTS) - set(IMAGE_FAULTS) == {"shuffle"}


def test_faults_leave_visible_what_is_asked_for(records):
    assert gravest("blur", [Fact("word", "", "STOP")]) < gravest("blur", [Fact("present", "star", "star", 0)])
    for record in records:
        for fault in record.picture.faults:
            assert 1 <= fault.level <= gravest(fault.name, record.prompt.facts)
            assert visible(fault.name, record.picture.scene)


def test_a_picture_with_faults_differs_from_the_clean_one(records):
    from lmm4lmm.training.synthetic.drawing import draw

    for record in [r for r in records if r.picture.faults][:15]:
        drawn, clean = (np.asarray(i, float) for i in (record.draw(), draw(record.picture.scene)))
        assert np.abs(drawn - clean).mean() > 0.2, record.picture.faults


def test_written_worlds_read_as_any_data_set(tmp_path):
    w = world(5, prompts=17, generators=2)
    assert write(w, tmp_path) == 34
    items = list(read_manifest(tmp_path))
    human, truth = read_scores(tmp_path / "human.jsonl"), read_scores(tmp_path / "truth.jsonl")
    assert [item.id for item in items] == human["id"].to_list() == truth["id"].to_list()
    assert {item.task for item in items} == {record.prompt.task for record in w}
    for item, record in zip(items, w, strict=True):
        with Image.open(item.path) as image:
            assert image.size == (record.picture.scene.width, record.picture.scene.height)
        assert (item.prompt, item.question) == (record.prompt.text, record.prompt.question)
    assert human["perception"].to_list() == [record.opinion.perception for record in w]
    assert human["correspondence_std"].null_count() == 0
    assert set(human["answer"].to_list()) == {0.0, 1.0}


def test_writing_is_taken_up_where_it_stopped(tmp_path):
    w = world(5, prompts=9, generators=2)
    write(w, tmp_path)
    files = sorted(path for path in tmp_path.rglob("*") if path.is_file())
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in files}
    lost = [tmp_path / w[3].image, tmp_path / "human.jsonl"]
    for path in lost:
        path.unlink()
    assert write(w, tmp_path) == 1
    assert sorted(path for path in tmp_path.rglob("*") if path.is_file()) == files
    for path, (content, stamp) in before.items():
        assert path.read_bytes() == content
        assert path in lost or path.stat().st_mtime_ns == stamp
    (tmp_path / w[5].image).write_bytes(b"damaged")
    assert write(w, tmp_path) == 0
    assert write(w, tmp_path, check=True) == 1
    assert all(path.read_bytes() == content for path, (content, _) in before.items())


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    write(world(5, prompts=2, generators=2), tmp_path / "a")
    with pytest.raises(InputError, match="another world"):
        write(world(6, prompts=2, generators=2), tmp_path / "a")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match="folder of its own"):
        write(world(5, prompts=2, generators=2), tmp_path / "b")
    (tmp_path / "a" / "world.json").write_text("nonsense")
    with pytest.raises(InputError, match="not what a synthetic world"):
        write(world(5, prompts=2, generators=2), tmp_path / "a")
    assert fingerprint(world(5, prompts=2, generators=2)) != fingerprint(world(5, prompts=2, generators=3))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"prompts": 0}, "a prompt or more"),
        ({"generators": 1}, "2 generators"),
        ({"raters": 1}, "2 raters"),
        ({"size": (64, 256)}, "128"),
    ],
)
def test_worlds_that_make_no_sense_are_refused(wrong, message):
    with pytest.raises(InputError, match=message):
        world(1, **wrong)
    with pytest.raises(InputError, match="no steps"):
        panel(1, 5, low=3, high=3)


def test_no_torch_is_imported():
    code = "import sys, lmm4lmm.training.synthetic.writing; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
