"""A judge asks ``transformers serve``, a server that we did not write, with images, in a process of its own.

That server takes ``logprobs`` and gives none, so what is tried here is the reading of text: the model is built here,
and its vocabulary head is set so that it says the words it shall. Probabilities are asked of llama.cpp's server
(``test_judge_llama_cpp``).
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the [lmm] extra is not installed")
pytest.importorskip("openai", reason="transformers serve needs the package openai")
sys.path.append(str(Path(__file__).parents[2] / "model" / "bases"))

from lmm4lmm.core.errors import ItemError
from lmm4lmm.metrics.judge import load

START_S = 240.0
TEMPLATE = (
    "<|im_start|>{% for message in messages %}{{ message['role'] | capitalize }}:"
    "{% for part in message['content'] %}{% if part['type'] == 'image' %}<image>{% else %}{{ part['text'] }}"
    "{% endif %}{% endfor %}<end_of_utterance>\n{% endfor %}{% if add_generation_prompt %}Assistant:{% endif %}"
)


def write_model(folder: Path) -> None:
    """A tiny Idefics3 (its processor needs no torchvision) that says " Yes" and then ends, whatever it sees."""
    import torch
    from tiny_bases import tokenizer, write_folder
    from transformers import Idefics3ForConditionalGeneration

    write_folder("idefics3", folder)
    words = tokenizer("idefics3")
    end, yes = words.token_to_id("<end_of_utterance>"), words.encode(" Yes").ids
    assert len(yes) == 1
    model = Idefics3ForConditionalGeneration.from_pretrained(folder)
    with torch.no_grad():
        # What follows a token is decided by that token alone: every layer adds nothing, embeddings are their own.
        for name, value in model.model.text_model.named_parameters():
            if "layers" in name and ("o_proj" in name or "down_proj" in name):
                value.zero_()
        model.model.text_model.norm.weight.fill_(1.0)
        embeddings, head = model.get_input_embeddings().weight, model.lm_head.weight
        assert embeddings is not head
        head.zero_()
        said = embeddings[yes[0]] / embeddings[yes[0]].norm()
        last = embeddings[words.encode("\nAssistant:").ids[-1]]
        head[yes[0]] = 10 * last / last.norm()
        head[end] = 20 * said
    model.generation_config.eos_token_id = end
    model.generation_config.pad_token_id = 0
    model.save_pretrained(folder)
    (folder / "chat_template.jinja").write_text(TEMPLATE)
    (folder / "processor_config.json").write_text(
        json.dumps({"processor_class": "Idefics3Processor", "image_seq_len": 4})
    )
    (folder / "tokenizer_config.json").write_text(
        json.dumps(
            {
                "tokenizer_class": "PreTrainedTokenizerFast",
                "eos_token": "<end_of_utterance>",
                "pad_token": "<|im_start|>",
                "model_max_length": 8192,
            }
        )
    )


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """The address of a running server, and the model's name there."""
    folder = tmp_path_factory.mktemp("judge-model")
    write_model(folder)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = ["serve", str(folder), "--device", "cpu", "--dtype", "float32", "--port", str(port)]
    program = "from transformers.cli.transformers import main; main()"
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, "-c", program, *words], stdout=log, stderr=log, env=environment
        )
    try:
        wait_for(f"http://localhost:{port}/health", server, folder / "server.log")
        yield f"http://localhost:{port}/v1", str(folder)
    finally:
        server.terminate()
        server.wait(30)


def wait_for(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    ends = time.monotonic() + START_S
    while time.monotonic() < ends:
        if server.poll() is not None:
            pytest.fail(f"the server ended: {log.read_text()[-2000:]}")
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.5)
    pytest.fail(f"the server did not come up in {START_S:.0f} s: {log.read_text()[-2000:]}")


@pytest.mark.slow
def test_answers_are_read_from_the_text_of_a_real_server(served, prepared, monkeypatch):
    for name in ("LMM4LMM_JUDGE_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    base_url, model = served
    metric = load(base_url=base_url, model=model, dimensions=("answer",), concurrency=2, text_tokens=4)
    scores = metric.score(prepared(metric, (10, "a cat"), (200, "a dog", "Is there a dog?")))
    for score in scores:
        assert not isinstance(score, ItemError), score
        assert score.answer.p_yes == 1
        assert score.remark == "answer: read from the text, not from probabilities"
    (line,) = metric.remarks()
    read = int(re.search(r"([\d,]+) tokens read", line)[1].replace(",", ""))
    assert read > 100  # the image's placeholders and the words, as the server counts them


@pytest.mark.slow
def test_a_reply_without_the_words_is_the_item_s_error(served, prepared):
    base_url, model = served
    metric = load(base_url=base_url, model=model, dimensions=("perception",), text_tokens=4)
    (score,) = metric.score(prepared(metric, (10, "a cat")))
    assert isinstance(score, ItemError)
    assert "names none of the words bad, poor, fair, good, excellent: 'Yes'" in str(score)


@pytest.mark.slow
def test_another_model_is_refused_in_words(served, prepared):
    base_url, _ = served
    metric = load(base_url=base_url, model="no/such-model", dimensions=("perception",))
    (score,) = metric.score(prepared(metric, (10, "a cat")))
    assert isinstance(score, ItemError)
    assert "(400): Server is pinned to" in str(score)
