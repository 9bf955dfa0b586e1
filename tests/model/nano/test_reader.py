from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lmm4lmm.model.nano.reader import FOUND, Reader, gists
from lmm4lmm.model.nano.scene import STRUCTURE, WAIST, WIDTH, Scene

HIDDEN, HEADS = 6, 8
PLACES = 81


@pytest.fixture(scope="module")
def reader() -> Reader:
    torch.manual_seed(0)
    found = Reader(HIDDEN).eval().requires_grad_(False)
    found.gist_mean.normal_()
    found.gist_scale.uniform_(0.5, 1.5)
    found.threshold.normal_()
    return found


def a_scene(images: int, seed: int = 1) -> Scene:
    draw = torch.Generator().manual_seed(seed)
    return Scene(
        torch.randn(images, WIDTH, generator=draw),
        torch.randn(images, PLACES, WIDTH, generator=draw),
        torch.randn(images, WAIST, generator=draw),
        torch.randn(images, WAIST, generator=draw),
        torch.randn(images, 3 * STRUCTURE, generator=draw),
    )


def some_words(lengths: list[tuple[int, int]], padding: int = 0, seed: int = 2):
    """Words [R, L, 2 H] and spans [2, R, L] of prompts and questions of these lengths."""
    longest = max(p + q for p, q in lengths) + padding
    words = torch.randn(len(lengths), longest, 2 * HIDDEN, generator=torch.Generator().manual_seed(seed))
    spans = torch.zeros(2, len(lengths), longest, dtype=torch.bool)
    for row, (p, q) in enumerate(lengths):
        spans[0, row, :p], spans[1, row, p : p + q] = True, True
    return words, spans


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 5)), min_size=1, max_size=4), st.integers(0, 3))
def test_gists_are_mean_and_maximum_of_embeddings_and_mean_and_last_of_states(lengths, padding):
    words, spans = some_words(lengths, padding)
    for span in spans:
        found = gists(words, span)
        for row in range(len(words)):
            inside = words[row][span[row]].numpy()
            if not len(inside):
                continue  # what an empty span comes to is masked by the reader
            embeddings, states = inside[:, :HIDDEN], inside[:, HIDDEN:]
            expected = [embeddings.mean(0), embeddings.max(0), states.mean(0), states[-1]]
            np.testing.assert_allclose(found[row].numpy(), np.concatenate(expected), atol=1e-6)


@torch.inference_mode()
def test_a_look_finds_what_loops_over_places_and_heads_find(reader):
    scene = a_scene(1)
    words, spans = some_words([(3, 2)])
    found = reader(words, spans, scene).prompt[0]
    assert found.shape == (FOUND,)
    standard = ((gists(words, spans[0]) - reader.gist_mean) / reader.gist_scale).clamp(-6, 6)
    told = reader.prompt(reader.gist(standard))[0]
    query, width = reader.ask(told), WIDTH // HEADS
    read, best, number = [], [], []
    for head in range(HEADS):
        part = slice(head * width, (head + 1) * width)
        keys = [reader.key(place)[part] for place in scene.memory[0]]
        values = [reader.value(place)[part] for place in scene.memory[0]]
        fits = np.array([float(query[part] @ key) / np.sqrt(width) for key in keys])
        shares = np.exp(fits) / np.exp(fits).sum()
        read.append(sum(share * value for share, value in zip(shares.tolist(), values, strict=True)))
        best.append(fits.max())
        number.append((1 / (1 + np.exp(-(fits - reader.threshold[head].item())))).sum() / 8)
    overview, seen = scene.overview[0], torch.cat(read)
    expected = [overview * told, overview, told, seen, seen * reader.gate(told)]
    expected += [torch.tensor(best), torch.tensor(number)]
    torch.testing.assert_close(found, torch.cat(expected).float(), atol=1e-4, rtol=1e-4)


@torch.inference_mode()
def test_the_prompt_is_looked_for_without_the_question_but_not_the_reverse(reader):
    words, spans = some_words([(3, 2)])
    other_question, other_prompt = words.clone(), words.clone()
    other_question[:, 3:], other_prompt[:, :3] = 1.0, 1.0
    first, asked, told = (reader(one, spans, a_scene(1)) for one in (words, other_question, other_prompt))
    assert torch.equal(first.prompt, asked.prompt)
    assert (first.question - asked.question).abs().max() > 0.01
    assert (first.question - told.question).abs().max() > 0.01


@torch.inference_mode()
def test_a_text_that_is_not_there_reads_the_same_whatever_lies_in_the_padding(reader):
    words, spans = some_words([(0, 3), (2, 0), (0, 0)], padding=2)
    other = torch.where(spans.any(0)[..., None], words, torch.full_like(words, 50.0))
    first, again = reader(words, spans, a_scene(3)), reader(other, spans, a_scene(3))
    assert torch.equal(first.prompt, again.prompt)
    assert torch.equal(first.question, again.question)
    assert first.prompt.isfinite().all()


@torch.inference_mode()
def test_rows_that_share_an_image_find_what_copies_find(reader):
    lengths, rows = [(2, 1), (1, 4), (3, 0)], torch.tensor([1, 0, 1])
    words, spans = some_words(lengths)
    scene = a_scene(2)
    shared = reader(words, spans, scene, rows)
    copied = reader(words, spans, Scene(*(part[rows] for part in scene)))
    torch.testing.assert_close(shared.prompt, copied.prompt)
    torch.testing.assert_close(shared.question, copied.question)
