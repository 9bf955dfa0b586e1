"""What a judge asks, how often, in which order, and what the replies make as scores."""

from __future__ import annotations

import base64
import io
import json
import math
import sys
from pathlib import Path

import pytest
from fake_endpoint import Step
from PIL import Image

from lmm4lmm.core.records import Item
from lmm4lmm.running.scoring import score_manifest


def test_scores_are_what_the_probabilities_expect(judge, endpoint, prepared):
    shares = {"Excellent": 0.4, " excellent": 0.1, "Good": 0.2, "Bad": 0.1, "The": 0.2}
    endpoint.said = lambda _: ("Excellent", shares)
    metric = judge(dimensions=("correspondence", "perception"))
    assert metric.dimensions == ("perception", "correspondence")
    (score,) = metric.score(prepared(metric, (10, "a cat")))
    mean = (0.5 * 100 + 0.2 * 75) / 0.8
    variance = (0.5 * (100 - mean) ** 2 + 0.2 * (75 - mean) ** 2 + 0.1 * mean**2) / 0.8
    for estimate in (score.perception, score.correspondence):
        assert estimate.score == pytest.approx(mean)
        assert estimate.std == pytest.approx(math.sqrt(variance))
    assert score.answer is None
    assert score.remark is None


def test_tokens_that_look_alike_count_each(judge, endpoint, prepared):
    """Two tokens, with a blank before the word and without, as a server shows them that drops the blank."""
    tops = [("Good", 0.6), ("Bad", 0.2), ("Good", 0.2)]
    listed = [{"token": token, "logprob": math.log(share)} for token, share in tops]
    said = {"content": [listed[0] | {"top_logprobs": listed}]}
    document = {"choices": [{"message": {"content": "Good"}, "logprobs": said}]}
    endpoint.script.append(Step(200, json.dumps(document).encode()))
    metric = judge(dimensions=("perception",))
    (score,) = metric.score(prepared(metric, (10, "a cat")))
    assert score.perception.score == pytest.approx(0.8 * 75)


def test_an_answer_is_yes_against_no(judge, endpoint, prepared):
    endpoint.said = lambda _: ("Yes", {"Yes": 0.5, "yes": 0.1, " No": 0.2, "Maybe": 0.2})
    metric = judge(dimensions=("answer",))
    one, two = metric.score(
        prepared(metric, (10, "a cat", "Is there a cat?Answer yes or no."), (10, "a cat"))
    )
    assert one.answer.p_yes == pytest.approx(0.75)
    assert one.answer.question == "Is there a cat?"
    assert two.answer.question == "Does this image show what the text says?"
    texts = [seen.text for seen in endpoint.seen]
    assert any("Is there a cat?" in text and "a cat\n" not in text for text in texts)
    assert any("Does this image show what the text says? Text: a cat" in text for text in texts)


def test_the_request_has_the_image_first_and_asks_for_one_token(judge, endpoint, prepared):
    metric = judge(dimensions=("perception",))
    metric.score(prepared(metric, (10, "a cat")))
    (seen,) = endpoint.seen
    kinds = [part["type"] for part in seen.body["messages"][0]["content"]]
    assert kinds == ["image_url", "text"]
    assert {
        name: seen.body[name] for name in ("model", "max_tokens", "logprobs", "top_logprobs", "temperature")
    } == {
        "model": "tiny",
        "max_tokens": 1,
        "logprobs": True,
        "top_logprobs": 20,
        "temperature": 0,
    }
    head, _, data = seen.image.partition(",")
    assert head == "data:image/jpeg;base64"
    picture = Image.open(io.BytesIO(base64.b64decode(data)))
    assert picture.size == (40, 30)


@pytest.mark.parametrize(("form", "size"), [("jpeg", (16, 12)), ("png", (16, 12))])
def test_large_images_are_shrunk(judge, endpoint, prepared, form, size):
    metric = judge(dimensions=("perception",), side=16, image=form)
    metric.score(prepared(metric, (10, "a cat")))
    picture = Image.open(io.BytesIO(base64.b64decode(endpoint.seen[0].image.partition(",")[2])))
    assert (picture.format.lower(), picture.size) == (form, size)


def test_an_image_without_a_prompt_is_only_looked_at(judge, endpoint, prepared):
    metric = judge()
    (score,) = metric.score(prepared(metric, (10, " ")))
    assert score.perception is not None
    assert (score.correspondence, score.answer) == (None, None)
    assert len(endpoint.seen) == 1


def test_what_was_asked_is_not_asked_again(judge, endpoint, prepared):
    """One image with three prompts: perception once, correspondence three times."""
    metric = judge(dimensions=("perception", "correspondence"))
    scores = metric.score(prepared(metric, (10, "a cat"), (10, "a dog"), (10, "a cow"), (10, "a cat")))
    assert len(endpoint.seen) == 4
    assert len({score.perception.score for score in scores}) == 1
    assert scores[0] == scores[3]
    assert scores[0] != scores[1]


def test_questions_about_an_image_stand_together(judge, endpoint, prepared):
    """A cache of prefixes then holds the image; with one thread, that is plain to see."""
    metric = judge(concurrency=1)
    metric.score(prepared(metric, *[(shade, "a cat") for shade in (10, 20, 30, 10)]))
    images = [seen.image for seen in endpoint.seen]
    assert len(images) == 9
    assert [images[place] == images[place + 1] for place in range(8)].count(False) == 2


def test_the_first_question_of_an_image_ends_before_the_others_begin(judge, endpoint, prepared):
    endpoint.wait = 0.05
    metric = judge(concurrency=8)
    metric.score(prepared(metric, (10, "a cat"), (10, "a dog"), (10, "a cow")))
    first, *others = endpoint.seen
    assert len(others) == 6
    assert all(seen.began >= first.ended for seen in others)
    assert endpoint.busiest > 2  # and the others go at once


def test_as_many_requests_at_once_as_were_asked_for(judge, endpoint, prepared):
    endpoint.wait = 0.1
    metric = judge(concurrency=6, dimensions=("perception",))
    metric.score(prepared(metric, *[(shade, "a cat") for shade in range(0, 240, 10)]))
    assert endpoint.busiest == 6
    assert metric.batch_size == 24


def test_a_connection_in_the_open_serves_one_request(judge, endpoint, prepared):
    """Servers with a thread a connection would let others wait; unencrypted, a new one costs next to nothing."""
    metric = judge(dimensions=("perception",))
    metric.score(prepared(metric, (10, "a cat"), (20, "a cat")))
    assert [seen.headers["Connection"] for seen in endpoint.seen] == ["close", "close"]


def test_forms_of_a_question_differ_as_they_should_and_are_averaged(judge, endpoint, prepared):
    """Best first scores 20 points more here, and the second wording nothing."""

    def biased(body):
        text = body["messages"][0]["content"][1]["text"]
        best_first = text.index("Excellent") < text.index("Bad")
        return ("Good", {"Good": 0.9, "Bad": 0.1} if best_first else {"Fair": 0.9, "Bad": 0.1})

    endpoint.said = biased
    metric = judge(dimensions=("perception",), repeat=4)
    (one, two) = metric.score(prepared(metric, (10, "a cat"), (20, "a cat")))
    assert len({seen.text for seen in endpoint.seen}) == 4
    assert one.perception.score == pytest.approx((0.9 * 75 + 0.9 * 50) / 2)
    assert two.perception.std > 0
    lines = "\n".join(metric.remarks())
    assert "perception, order of the words (best or yes first, less worst or no first): +22.5 ± 0" in lines
    assert "perception, wording (first less second): +0 ± 0" in lines
    assert "the same again" not in lines
    once = judge(dimensions=("perception",))
    assert once.fingerprint != metric.fingerprint
    once.score(prepared(once, (10, "a cat")))
    assert not [line for line in once.remarks() if "order" in line]


def test_the_fingerprint_knows_what_changes_scores(judge, endpoint):
    plain = judge().fingerprint
    assert len(plain) <= 60
    assert plain.startswith("judge-tiny:")
    assert judge(concurrency=2, timeout=9, retries=1, token_budget=10**9).fingerprint == plain
    changed = [
        judge(repeat=2),
        judge(side=64),
        judge(image="png"),
        judge(reading="text"),
        judge(model="other"),
        judge(extra='{"top_k": 1}'),
    ]
    assert len({metric.fingerprint for metric in changed} | {plain}) == 7


def test_more_fields_of_a_request(judge, endpoint, prepared):
    metric = judge(dimensions=("perception",), extra='{"chat_template_kwargs": {"enable_thinking": false}}')
    metric.score(prepared(metric, (10, "a cat")))
    assert endpoint.seen[0].body["chat_template_kwargs"] == {"enable_thinking": False}


def test_a_failed_item_is_a_row_with_its_reason_and_costs_no_other(judge, endpoint, tmp_path):
    def sometimes(body):
        text = body["messages"][0]["content"][1]["text"]
        return ("I can't say", {"I": 1.0}) if "dog" in text else ("Good", {"Good": 1.0})

    endpoint.said = sometimes
    items = []
    for number, prompt in enumerate(["a cat", "a dog", "a cow"]):
        Image.new("RGB", (20, 20), (number, 0, 0)).save(tmp_path / f"{number}.png")
        items.append(
            Item(id=str(number), path=tmp_path / f"{number}.png", image=f"{number}.png", prompt=prompt)
        )
    metric = judge(dimensions=("correspondence",))
    rows = list(score_manifest(metric, items, batch_size=3))
    assert [row.error is None for row in rows] == [True, False, True]
    assert rows[1].error == (
        "correspondence: the judge's reply names none of the words bad, poor, fair, good, excellent: \"I can't say\""
    )
    assert rows[1].correspondence is None
    asked = [seen.text for seen in endpoint.seen]
    assert len([text for text in asked if "cow" in text]) == 1  # nobody paid twice for the dog's fault


def test_torch_is_not_needed():
    import subprocess

    code = "import sys, lmm4lmm.metrics.judge; print('torch' in sys.modules, 'transformers' in sys.modules)"
    env = {"PYTHONPATH": str(Path(__file__).parents[3] / "src")}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env)
    assert done.stdout.split() == ["False", "False"]
