"""A judge asks llama.cpp's own server, in a process of its own: log-probabilities of a model that sees the images."""

from __future__ import annotations

import json
import math
import re
import urllib.request

import pytest
from PIL import Image

pytest.importorskip(
    "xllamacpp", reason="llama.cpp's server (package xllamacpp) is not installed: nothing is proven"
)
pytest.importorskip("gguf", reason="the [lmm] extra is not installed")

import tiny_llava
from llama_server import ALIAS, NAME, serving

from lmm4lmm.core.errors import InputError, ItemError
from lmm4lmm.core.records import Item
from lmm4lmm.metrics.judge import load

BLACK, GREY, WHITE = (0, 0, 0), (128, 128, 128), (255, 255, 255)
RED, BLUE = (230, 20, 20), (20, 20, 230)
POINTS = {"Bad": 0, "Poor": 25, "Fair": 50, "Good": 75, "Excellent": 100, "Ex": 100}
YES = {"No": 0.0, "Yes": 1.0}
BY_TEXT = "perception: read from the text, not from probabilities"


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return tiny_llava.write(tmp_path_factory.mktemp("tiny-llava"))


@pytest.fixture(scope="module")
def server(model):
    with serving(*model) as address:
        yield address


@pytest.fixture
def judge(server, bare_environment):
    return lambda **options: load(base_url=f"{server}/v1", **options)


def prepared(metric, *colours, prompt="a cat"):
    item = Item(id="one", path=None, image="one", prompt=prompt, question="Is there a cat?")
    return [metric.prepare(item, Image.new("RGB", (40, 30), colour)) for colour in colours]


def distribution(server, question):
    """Every token of the vocabulary with its probability, likeliest first, as the server itself says it."""
    content = [
        {"type": "image_url", "image_url": {"url": question.image}},
        {"type": "text", "text": question.text},
    ]
    body = {
        "messages": [{"role": "user", "content": content}],
        "max_tokens": 1,
        "temperature": 0,
        "logprobs": True,
        "top_logprobs": 10_000,
    }
    request = urllib.request.Request(
        f"{server}/v1/chat/completions", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=30) as reply:
        (choice,) = json.load(reply)["choices"]
    found = choice["logprobs"]["content"][0]["top_logprobs"]
    return [(token["token"], math.exp(token["logprob"])) for token in found]


def shares(tokens, points):
    """The words' shares of a distribution, by point."""
    found = dict.fromkeys(points.values(), 0.0)
    for token, share in tokens:
        if token.strip() in points:
            found[points[token.strip()]] += share
    return {point: share / sum(found.values()) for point, share in found.items()}


def counted(server):
    """Tokens that the server has read anew, taken from its cache, and written, since it started."""
    with urllib.request.urlopen(f"{server}/metrics", timeout=30) as reply:
        text = reply.read().decode()
    names = ("prompt_tokens_total", "prompt_tokens_cached_total", "tokens_predicted_total")
    return [int(re.search(rf"^llamacpp:{name} (\d+)$", text, re.MULTILINE)[1]) for name in names]


@pytest.mark.parametrize("repeat", [1, 4])
def test_scores_are_what_the_server_s_own_distribution_expects(judge, server, repeat):
    metric = judge(repeat=repeat)
    ready = prepared(metric, BLACK, GREY, WHITE)
    for one, score in zip(ready, metric.score(ready), strict=True):
        for dimension, questions in one.asked.items():
            points = YES if dimension == "answer" else POINTS
            whole = [distribution(server, question) for question in questions]
            assert all(sum(share for _, share in tokens) == pytest.approx(1, abs=1e-5) for tokens in whole)
            forms = [shares(tokens[:20], points) for tokens in whole]
            expected = {point: sum(form[point] for form in forms) / repeat for point in forms[0]}
            mean = sum(point * share for point, share in expected.items())
            if dimension == "answer":
                assert score.answer.p_yes == pytest.approx(mean, abs=1e-5)
                continue
            estimate = getattr(score, dimension)
            variance = sum((point - mean) ** 2 * share for point, share in expected.items())
            assert estimate.score == pytest.approx(mean, abs=1e-3)
            assert estimate.std == pytest.approx(math.sqrt(variance), abs=1e-3)


def test_the_server_s_image_decides(judge):
    metric = judge()
    black, grey, white = metric.score(prepared(metric, BLACK, GREY, WHITE))
    for dimension in ("perception", "correspondence"):
        low, middle, high = (getattr(score, dimension).score for score in (black, grey, white))
        assert low + 5 < middle < high - 5
    assert black.answer.p_yes + 0.1 < white.answer.p_yes
    # By probabilities, all of them: levels hold most of the first token's, yes and no little, and that is said.
    assert re.fullmatch(r"answer: the words to choose from held 1\d% of the probability", grey.remark)


def test_the_server_shows_two_tokens_alike(judge, server):
    """Both are in the shares above: vocabularies have such tokens, and some servers drop the blank before a word."""
    metric = judge(dimensions=("perception",))
    (ready,) = prepared(metric, GREY)
    first = distribution(server, ready.asked["perception"][0])[:20]
    assert [token for token, _ in first].count(" Good") == 2


def test_the_account_is_the_server_s(judge, server):
    before = counted(server)
    metric = judge(concurrency=1)
    metric.score(prepared(metric, GREY, WHITE, prompt="a dog on a roof"))
    read, cached, written = (after - earlier for after, earlier in zip(counted(server), before, strict=True))
    told = f"{read + cached:,} tokens read ({cached / (read + cached):.0%} from the endpoint's cache)"
    assert metric.remarks() == [f"judge: 6 requests, {told}, 6 written"]
    assert written == 6
    assert cached >= 4 * tiny_llava.IMAGE_TOKENS  # the image is read once for its three questions


def test_a_budget_holds_by_the_server_s_count(judge, server):
    before = sum(counted(server))
    metric = judge(dimensions=("perception",), concurrency=1, token_budget=1500)
    scores = metric.score(prepared(metric, *[(shade, shade, shade) for shade in range(0, 250, 25)]))
    assert "the budget of 1,500 tokens is used up" in str(scores[-1])
    assert 1000 < sum(counted(server)) - before <= 1500


def test_a_first_token_that_is_no_word_is_read_on(judge):
    metric = judge(dimensions=("perception",), concurrency=1)
    blue, grey = metric.score(prepared(metric, BLUE, GREY))
    assert (blue.perception.score, blue.perception.std) in [(point, None) for point in range(0, 101, 25)]
    assert blue.remark == BY_TEXT
    assert grey.remark is None
    strict = judge(dimensions=("perception",), reading="probabilities")
    (error,) = strict.score(prepared(strict, BLUE))
    assert "the words are not among its first tokens" in str(error)


def test_half_a_character_has_no_probabilities_and_the_next_image_has(judge, capsys):
    """The server leaves them out where the first token is a part of a character; it is no word that it can't."""
    metric = judge(dimensions=("perception",), concurrency=1)
    red, grey = metric.score(prepared(metric, RED, GREY))
    assert red.remark == BY_TEXT
    assert grey.remark is None
    assert "gives no probabilities" not in capsys.readouterr().err


def test_many_at_once_score_as_one_after_the_other(judge):
    metric, slow = judge(concurrency=8), judge(concurrency=1)
    colours = [(shade, shade, shade) for shade in range(0, 250, 25)]
    for one, other in zip(
        metric.score(prepared(metric, *colours)), slow.score(prepared(slow, *colours)), strict=True
    ):
        assert one.perception.score == pytest.approx(other.perception.score, abs=1e-3)
        assert one.answer.p_yes == pytest.approx(other.answer.p_yes, abs=1e-5)


def test_what_does_not_fit_into_the_context_is_that_item_s_error(judge):
    metric = judge(dimensions=("correspondence",))
    long, short = prepared(metric, GREY, prompt="a cat " * 1000) + prepared(metric, GREY)
    error, score = metric.score([long, short])
    assert isinstance(error, ItemError)
    assert re.search(r"\(400\): request \(\d+ tokens\) exceeds the available context size", str(error))
    assert score.remark is None


def test_a_model_of_another_name_answers_and_that_is_told(judge, capsys):
    assert judge().fingerprint.startswith(f"judge-{NAME}:")
    judge(model=ALIAS)
    assert capsys.readouterr().err == ""
    metric = judge(model="gpt-of-dreams", dimensions=("perception",))
    assert f"does not list the model 'gpt-of-dreams' (it lists {NAME})" in capsys.readouterr().err
    (score,) = metric.score(prepared(metric, GREY))
    assert score.perception is not None


def test_a_model_that_takes_no_images_ends_the_run(model, bare_environment):
    with serving(model[0], None) as address:
        metric = load(base_url=f"{address}/v1", dimensions=("perception",))
        with pytest.raises(
            InputError, match=r"the model takes no images \(500\): image input is not supported"
        ):
            metric.score(prepared(metric, GREY))


def test_a_key(model, bare_environment, monkeypatch):
    with serving(*model, key="open-sesame") as address:
        with pytest.raises(InputError, match=r"wants a key \(401\): Invalid API Key"):
            load(base_url=f"{address}/v1")
        monkeypatch.setenv("LMM4LMM_JUDGE_KEY", "open-sesame")
        metric = load(base_url=f"{address}/v1", dimensions=("perception",))
        (score,) = metric.score(prepared(metric, GREY))
    assert score.perception is not None
