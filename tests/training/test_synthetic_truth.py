"""What the synthetic world says of a picture is what its pixels show: told by colours and connected parts."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from lmm4lmm.training.synthetic.drawing import draw
from lmm4lmm.training.synthetic.facts import Fact, correspondence, degree, edits, facts_of, holds
from lmm4lmm.training.synthetic.flaws import falsify
from lmm4lmm.training.synthetic.generators import attempt, line_up
from lmm4lmm.training.synthetic.prompts import NO_COUNTERPART, TASKS, prompt
from lmm4lmm.training.synthetic.scene import Lettering, Scene, Thing
from lmm4lmm.training.synthetic.shapes import outline
from lmm4lmm.training.synthetic.staging import Wear, stage
from lmm4lmm.training.synthetic.vocabulary import (
    COLOURS,
    FACE,
    LOOK_ALIKE,
    MOODS,
    SHAPES,
    distance,
    shade_of,
    stream,
)
from lmm4lmm.training.synthetic.wishes import Group, Wish

IN_PIECES = {"sailboat"}
"""Drawn of parts that don't touch."""


def clean(scene: Scene) -> Scene:
    """The scene without brush strokes and broken structure."""
    things = tuple(replace(thing, melt=0, cut=0, ghost=0, texture="plain") for thing in scene.things)
    return replace(scene, style="flat", things=things, lettering=None)


def parts(scene: Scene) -> dict[str, list[tuple[float, float, float]]]:
    """Colour name -> (x, y, area) of the connected parts of the picture that have it, by pixels alone.

    Only colours are searched for that things have, since a backdrop may have any other.
    """
    pixels = np.asarray(draw(clean(scene)), np.int64)
    masks: dict[str, np.ndarray] = {}
    for rgb in {thing.rgb for thing in scene.things}:
        name = min(COLOURS, key=lambda colour: distance(COLOURS[colour], rgb))
        mask = np.abs(pixels - np.array(rgb)).sum(2) <= 2
        masks[name] = masks.get(name, False) | mask
    found = defaultdict(list)
    for name, mask in masks.items():
        labels = ndimage.label(mask)[0]
        for number, place in enumerate(ndimage.find_objects(labels), 1):
            area = int((labels[place] == number).sum())
            if area > 25:
                rows, columns = np.nonzero(labels == number)
                found[name].append((float(columns.mean()), float(rows.mean()), area))
    return found


def drawn(seed: int, tasks: set[str], n: int):
    """Prompts with what poor and good generators make of them."""
    generators = line_up(seed, 8)
    numbers = [number for number in range(n) if TASKS[number % len(TASKS)] in tasks]
    for number in numbers:
        asked = prompt(seed, number)
        generator = generators[number % 8]
        scene, _, _ = attempt(generator, asked, stream(seed, "try", number))
        yield asked, scene


def test_a_count_is_what_can_be_counted():
    checked, wrong = 0, 0
    for asked, scene in drawn(5, {"counting"}, 17 * 90):
        if {thing.shape for thing in scene.things} & IN_PIECES:
            continue
        counted = sum(map(len, parts(scene).values()))
        assert counted == len(scene.things)
        fact = asked.asked[0]
        right = counted == int(fact.value) and scene.things[0].shape == fact.subject
        assert holds(fact, scene) == right
        checked, wrong = checked + 1, wrong + (not right)
    assert checked > 70
    assert 15 < wrong < checked - 15


def test_colours_are_those_that_are_seen():
    checked, wrong = 0, 0
    for asked, scene in drawn(6, {"colors", "World Knowledge"}, 17 * 60):
        if {thing.shape for thing in scene.things} & IN_PIECES:
            continue
        seen = parts(scene)
        for fact in asked.asked:
            if fact.kind != "colour":
                continue
            things = [thing for thing in scene.things if thing.shape == fact.subject]
            near = [
                any(
                    abs(x - t.x) < 0.7 * t.radius and abs(y - t.y) < 0.7 * t.radius
                    for x, y, _ in seen[fact.value]
                )
                for t in things
            ]
            assert holds(fact, scene) == (bool(near) and all(near))
            checked, wrong = checked + 1, wrong + (not all(near) or not near)
    assert checked > 80
    assert 15 < wrong < checked - 15


def test_relations_are_those_that_are_seen():
    checked, wrong = 0, 0
    for asked, scene in drawn(7, {"position", "imagination"}, 17 * 80):
        if {thing.shape for thing in scene.things} & IN_PIECES or len({t.colour for t in scene.things}) < 2:
            continue
        seen, fact = parts(scene), asked.asked[0]
        of = {thing.shape: thing for thing in scene.things}
        if fact.subject not in of or fact.other not in of:
            assert not holds(fact, scene)
            continue
        a, b = (max(seen[of[name].colour], key=lambda part: part[2]) for name in (fact.subject, fact.other))
        dx, dy = b[0] - a[0], b[1] - a[1]
        sideways, apart = (
            abs(dx) > abs(dy),
            np.hypot(dx, dy) > 0.75 * (of[fact.subject].radius + of[fact.other].radius),
        )
        found = "inside"
        if apart:
            found = ("left of" if dx > 0 else "right of") if sideways else ("above" if dy > 0 else "below")
        assert holds(fact, scene) == (found == fact.value), (asked.text, found)
        checked, wrong = checked + 1, wrong + (found != fact.value)
    assert checked > 80
    assert 15 < wrong < checked - 15


@pytest.mark.parametrize("task", TASKS)
def test_a_falsified_fact_is_false_and_an_untouched_wish_comes_true(task):
    turned = 0
    for turn in range(30):
        asked = prompt(9, TASKS.index(task) + len(TASKS) * turn)
        rng = stream(9, "flaw", turn)
        right = stage(asked.wish, Wear(), rng)
        assert correspondence(asked.facts, right) == 100
        for fact in asked.facts:
            changed = falsify(fact, asked.wish, asked.wish, rng)
            if changed == asked.wish:
                continue
            scene = stage(changed, Wear(), rng)
            assert not holds(fact, scene), (fact, changed)
            assert correspondence(asked.facts, scene) < 100
            turned += fact in asked.asked
    assert turned >= 28  # a change that can't be drawn with everything told apart is rare


def test_things_do_not_touch_and_stay_in_the_picture():
    for asked, scene in drawn(11, set(TASKS), 400):
        for number, a in enumerate(scene.things):
            assert a.radius * 0.99 <= a.x <= scene.width - a.radius * 0.99
            assert a.radius * 0.99 <= a.y <= scene.height - a.radius * 0.99
            for b in scene.things[:number]:
                apart = np.hypot(a.x - b.x, a.y - b.y)
                inside = a.radius < 0.5 * b.radius and apart + a.radius < 0.6 * b.radius
                assert inside or apart > 1.05 * (a.radius + b.radius), asked.text


def test_colours_of_things_and_what_is_behind_are_told_apart():
    nearest = [
        min(distance(thing.rgb, tone) for tone in scene.backdrop.tones)
        for _, scene in drawn(12, set(TASKS), 600)
        for thing in scene.things
    ]
    assert min(nearest) > 70
    assert np.quantile(nearest, 0.02) > 100


def test_every_tone_of_a_colour_is_nearest_to_its_own_name():
    rng = np.random.default_rng(0)
    for colour in COLOURS:
        for _ in range(300):
            tone = shade_of(colour, rng)
            assert min(COLOURS, key=lambda name: distance(COLOURS[name], tone)) == colour


def test_no_two_shapes_look_alike():
    masks = {}
    for name, mood in [*((shape, None) for shape in SHAPES), *((FACE, mood) for mood in MOODS)]:
        thing = Thing(name, "red", "plain", mood, (255, 0, 0), 100, 100, 80)
        scene = stage(Wish((Group("star"),)), Wear(), np.random.default_rng(1), size=(200, 200))
        scene = replace(scene, things=(thing,), style="flat", backdrop=replace(scene.backdrop, kind="plain"))
        masks[name, mood] = np.abs(np.asarray(draw(scene), int) - (255, 0, 0)).sum(2) < 9
        assert outline(name, mood)
    keys = list(masks)
    for number, one in enumerate(keys):
        for other in keys[:number]:
            both = (masks[one] & masks[other]).sum() / (masks[one] | masks[other]).sum()
            assert both < 0.95, (one, other)
            assert both < 0.88 or {one[0], other[0]} in ({FACE}, LOOK_ALIKE), (one, other)


def test_a_nearly_right_number_and_word_count_for_a_part():
    scene = stage(Wish((Group("star", 4),)), Wear(), np.random.default_rng(3))
    assert degree(Fact("count", "star", "4", 0), scene) == 1
    assert degree(Fact("count", "star", "5", 0), scene) == pytest.approx(2 / 3)
    assert degree(Fact("count", "star", "1", 0), scene) == 0
    assert degree(Fact("count", "ring", "4", 0), scene) == 0
    written = replace(scene, lettering=Lettering("COFEE", 9, 9, 9))
    assert degree(Fact("word", "", "COFFEE"), written) == pytest.approx(2 / 3)
    assert degree(Fact("word", "", "COFFEE"), scene) == 0
    assert [edits(*pair) for pair in (("kitten", "sitting"), ("", "abc"), ("same", "same"))] == [3, 3, 0]


def test_facts_weigh_as_stated():
    wish = Wish((Group("star", colour="red"), Group("ring", colour="blue")), "left of")
    scene = stage(wish, Wear(), np.random.default_rng(4))
    first = scene.things[0]
    pink = replace(scene, things=(replace(first, colour="pink"), *scene.things[1:]))
    assert correspondence(facts_of(wish), pink) == pytest.approx(100 * (12.5 - 2) / 12.5)
    alone = replace(scene, things=scene.things[1:])
    assert correspondence(facts_of(wish), alone) == pytest.approx(100 * 5 / 12.5)


def test_the_tasks_are_those_of_evalmi_but_for_three():
    from lmm4lmm.datasets.evalmi50k_names import TASKS as THEIRS

    assert [task for task in THEIRS if task not in NO_COUNTERPART] == list(TASKS)
    assert set(NO_COUNTERPART) < set(THEIRS)
