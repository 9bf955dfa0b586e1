"""Endpoints that give no probabilities, and replies that hold none of the words."""

from __future__ import annotations

import json
import math

import pytest
from fake_endpoint import Step

from lmm4lmm.core.errors import ItemError
from lmm4lmm.core.records import Reply
from lmm4lmm.metrics.judging.readout import by_probabilities, by_text
from lmm4lmm.metrics.judging.wording import YES_NO
from lmm4lmm.model.official.prompts import LEVELS


def test_without_probabilities_the_word_is_the_score_and_the_row_says_so(judge, endpoint, prepared, capsys):
    endpoint.probabilities = False
    endpoint.said = lambda body: ("Good", {}) if "Excellent" in str(body) else ("Yes.", {})
    metric = judge(concurrency=1)
    scores = metric.score(prepared(metric, (10, "a cat"), (20, "a cat")))
    for score in scores:
        assert (score.perception.score, score.perception.std) == (75, None)
        assert score.answer.p_yes == 1
        assert score.remark == (
            "perception, correspondence, answer: read from the text, not from probabilities"
        )
    assert capsys.readouterr().err.count("gives no probabilities") == 1
    limits = [seen.body["max_tokens"] for seen in endpoint.seen]
    assert limits == [1, 32, 32, 32, 32, 32, 32]  # learnt with the first reply
    assert "logprobs" not in endpoint.seen[1].body


def test_an_endpoint_that_refuses_probabilities(judge, endpoint, prepared):
    endpoint.refuse = lambda body: "logprobs is not supported" if "logprobs" in body else None
    metric = judge(dimensions=("perception",), concurrency=1)
    one, two = metric.score(prepared(metric, (10, "a cat"), (20, "a cat")))
    assert one.remark == two.remark == "perception: read from the text, not from probabilities"
    assert len([seen for seen in endpoint.seen if "logprobs" in seen.body]) == 2  # 20, then 5, then never


def test_half_a_character_is_no_sign_that_there_are_no_probabilities(judge, endpoint, prepared, capsys):
    """llama.cpp leaves them out where the first token is a part of a character."""
    half = Step(200, json.dumps({"choices": [{"message": {"content": "\ufffd"}}]}).encode())
    endpoint.script.append(half)
    metric = judge(dimensions=("perception",), concurrency=1)
    one, two = metric.score(prepared(metric, (10, "a cat"), (20, "a cat")))
    assert one.remark == "perception: read from the text, not from probabilities"
    assert two.remark is None
    assert capsys.readouterr().err == ""


def test_an_endpoint_that_gave_probabilities_once_is_asked_for_them_again(judge, endpoint, prepared):
    metric = judge(dimensions=("perception",), concurrency=1)
    metric.score(prepared(metric, (10, "a cat")))
    endpoint.script.append(Step(200, json.dumps({"choices": [{"message": {"content": "Good"}}]}).encode()))
    one, two = metric.score(prepared(metric, (20, "a cat"), (30, "a cat")))
    assert one.remark == "perception: read from the text, not from probabilities"
    assert two.remark is None


def test_a_first_token_that_is_no_word_is_read_on(judge, endpoint, prepared):
    """The words are not there yet, so the whole reply is read; other items are not touched by that."""

    def said(body):
        if body["max_tokens"] == 1:
            return ("The", {"The": 0.97, "Good": 0.03})
        return ("The quality is fair.", {"The": 1.0})

    endpoint.said = said
    metric = judge(dimensions=("perception",), concurrency=1)
    (score,) = metric.score(prepared(metric, (10, "a cat")))
    assert score.perception.score == 50
    assert score.remark == "perception: read from the text, not from probabilities"
    endpoint.said = lambda _: ("Good", {"Good": 1.0})
    (score,) = metric.score(prepared(metric, (20, "a cat")))
    assert score.remark is None


def test_little_mass_is_told(judge, endpoint, prepared):
    endpoint.said = lambda _: ("The", {"The": 0.7, "Good": 0.2, "Bad": 0.1})
    metric = judge(dimensions=("perception",))
    (score,) = metric.score(prepared(metric, (10, "a cat")))
    assert score.perception.score == pytest.approx(50)
    assert score.remark == "perception: the words to choose from held 30% of the probability"


def test_probabilities_only(judge, endpoint, prepared):
    endpoint.probabilities = False
    metric = judge(dimensions=("perception",), reading="probabilities")
    (score,) = metric.score(prepared(metric, (10, "a cat")))
    assert str(score) == "perception: the endpoint gave no probabilities; reading=auto would read its text"


def test_text_only_asks_once(judge, endpoint, prepared):
    metric = judge(dimensions=("perception",), reading="text", text_tokens=7)
    metric.score(prepared(metric, (10, "a cat")))
    (seen,) = endpoint.seen
    assert seen.body["max_tokens"] == 7
    assert "logprobs" not in seen.body


def test_text_in_parts(judge, endpoint, prepared):
    parts = [{"type": "text", "text": "Excel"}, {"type": "text", "text": "lent"}]
    endpoint.script.append(Step(200, json.dumps({"choices": [{"message": {"content": parts}}]}).encode()))
    metric = judge(dimensions=("perception",), reading="text")
    (score,) = metric.score(prepared(metric, (10, "a cat")))
    assert score.perception.score == 100


@pytest.mark.parametrize(
    ("text", "words", "place"),
    [
        ("Good", LEVELS, 3),
        ("**Excellent**", LEVELS, 4),
        ("I would say: poor.", LEVELS, 1),
        ("Good, not excellent", LEVELS, 3),
        ("<think>excellent? no, bad</think>\n\nFair", LEVELS, 2),
        ("excellent? no, bad</think> Fair", LEVELS, 2),
        ("Yes, there is no dog.", YES_NO, 1),
        ("no", YES_NO, 0),
        ("The answer is yes", YES_NO, 1),
    ],
)
def test_words_that_are_read(text, words, place):
    shares = by_text(Reply(text=text), words).shares
    assert shares.index(1.0) == place
    assert sum(shares) == 1


@pytest.mark.parametrize(
    ("text", "words", "message"),
    [
        ("", LEVELS, "none of the words"),
        ("75", LEVELS, "none of the words"),
        ("goodness", LEVELS, "none of the words"),
        ("It is between good and fair", LEVELS, "several of the words"),
        ("There is no cat, but yes, a dog", YES_NO, "several of the words"),
        ("<think>Let me see, good", LEVELS, "raise text_tokens"),
    ],
)
def test_words_that_nobody_can_read(text, words, message):
    with pytest.raises(ItemError, match=message):
        by_text(Reply(text=text), words)


@pytest.mark.parametrize(
    ("tokens", "shares"),
    [
        ({"Good": 0.6, " good": 0.2, "GOOD": 0.1, "The": 0.1}, (0, 0, 0, 1, 0)),
        ({"Ex": 0.5, "Po": 0.25, "Goo": 0.25}, (0, 0.25, 0, 0.25, 0.5)),
        ({"▁Fair": 0.5, "ĠBad": 0.5}, (0.5, 0, 0.5, 0, 0)),
        ({"F": 0.9, "Fair": 0.1}, (0, 0, 1, 0, 0)),
        ({"goods": 0.9, "Fair": 0.1}, (0, 0, 1, 0, 0)),
    ],
)
def test_tokens_that_are_a_word(tokens, shares):
    first = tuple((token, math.log(share)) for token, share in tokens.items())
    found = by_probabilities(Reply(text="", first=first), LEVELS)
    assert found.shares == pytest.approx(shares)


@pytest.mark.parametrize("log", [None, math.nan, 5.0, -9.0])
def test_tokens_that_are_none(log):
    first = (("The", 0.0),) if log is None else (("Good", log),)
    assert by_probabilities(Reply(text=""), LEVELS) is None
    assert by_probabilities(Reply(text="", first=first), LEVELS) is None
