"""A faithful model of the way in which the LMM4LMM reference scores, for comparison: no part of the package.

What is modelled, from the description of the reference: three separate full models in memory; LoRA unmerged, in
PEFT's modules, on vision tower and language model; one image at a time, decoded in line; every image squashed to
1024 x 1024, cut into 2 x 2 tiles and a thumbnail; the vision tower run anew for every question; the dummy answer
sentence in the input; logits of the full vocabulary over all positions, thrown away for scores.

Where it differs, it is in the reference's favour, or can't be had here:

- ``sdpa`` attention in place of flash-attention, which has no CPU kernels; float32 in place of bfloat16.
- Native InternVL and Llama classes of today's transformers. q, k and v are three matrices with a LoRA each, where
  the reference has one fused; that is two more pairs of narrow products a layer.
- No loss is computed, no list of all layers' hidden states is kept, no key/value cache is filled for a score.
- An answer is the argmax at the first place of a given answer, one forward; ``answers="generate"`` lets the model
  generate greedily with a key/value cache instead.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Literal

import numpy as np
import sentencepiece
import torch
from PIL import Image
from reference_weights import load
from torch import Tensor, nn

SYSTEM = (
    "你是由上海人工智能实验室联合商汤科技开发的书生多模态大模型，"
    "英文名叫InternVL, 是一个有用无害的人工智能助手。"
)
QUALITY = "How would you rate the quality of this image?"
QUALITY_TOLD = "The quality of the image is excellent."
MATCH = "How would you rate the correspondence of this image and its prompt? prompt: {}"
MATCH_TOLD = "The correspondence of the image and its prompt is excellent."
MEAN, STD = np.array([0.485, 0.456, 0.406], np.float32), np.array([0.229, 0.224, 0.225], np.float32)
SQUARE = 1024
"""Every image becomes a square of this side, in pixels."""
SCORE_PLACE = -4
"""The score is read this many tokens from the end of the dummy answer."""
YES = ("Yes", "yes", " Yes", " yes", "YES", " YES")
NO = ("No", "no", " No", " no", "NO", " NO")
NEW_TOKENS = 4

Dimension = Literal["perception", "correspondence", "answer"]


@dataclass(frozen=True)
class Answer:
    """What the QA model says at the first place of its answer.

    Attributes:
        token: id with the highest logit.
        word: its text.
        yes: logit of each spelling of yes that is one token.
        no: the same for no.
    """

    token: int
    word: str
    yes: dict[str, float]
    no: dict[str, float]

    @property
    def p_yes(self) -> float:
        """Probability of yes among yes and no, all their spellings summed."""
        evidence = [torch.tensor(list(side.values())).logsumexp(0) for side in (self.yes, self.no)]
        return float(torch.sigmoid(evidence[0] - evidence[1]))


class Phases:
    """Seconds by phase: ``decode``, ``vision``, ``language``, ``vocabulary``, and the ``total`` of all calls."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)

    @contextmanager
    def of(self, phase: str) -> Iterator[None]:
        """Adds the time of the block to ``phase``."""
        began = perf_counter()
        yield
        self.seconds[phase] += perf_counter() - began

    def watch(self, module: nn.Module, phase: str) -> None:
        """Adds the time of every forward of ``module`` to ``phase``."""
        began: list[float] = []
        module.register_forward_pre_hook(lambda *_: began.append(perf_counter()))

        def add(*_: object) -> None:
            self.seconds[phase] += perf_counter() - began.pop()

        module.register_forward_hook(add)


class Tokenizer:
    """sentencepiece between special tokens, ``<s>`` in front."""

    def __init__(self, folder: Path) -> None:
        config = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
        named = config["added_tokens_decoder"].items()
        self.special = {token["content"]: int(number) for number, token in named}
        self.words = sentencepiece.SentencePieceProcessor(model_file=str(folder / "tokenizer.model"))
        longest_first = sorted(self.special, key=len, reverse=True)
        self.cut = re.compile(f"({'|'.join(map(re.escape, longest_first))})")

    def encode(self, text: str) -> list[int]:
        """Ids of the text, ``<s>`` first."""
        ids = [self.special["<s>"]]
        for part in self.cut.split(text):
            ids += [self.special[part]] if part in self.special else self.words.encode(part)
        return ids

    def single(self, word: str) -> int | None:
        """The id of a word that is one token, or None."""
        ids = self.words.encode(word)
        return ids[0] if len(ids) == 1 else None

    def text(self, number: int) -> str:
        """The text of one token, or its mark if it is special."""
        marks = {at: mark for mark, at in self.special.items()}
        if number in marks:
            return marks[number]
        return self.words.decode([number]) if number < len(self.words) else f"[{number}]"


def dialogue(image_tokens: int, question: str, answer: str | None) -> str:
    """The whole text; with an answer of None it ends where the model is to speak."""
    marks = "<IMG_CONTEXT>" * image_tokens
    end = "" if answer is None else f"{answer}<|im_end|>"
    return (
        f"<|im_start|>system\n{SYSTEM}<|im_end|><|im_start|>user\n<img>{marks}</img>\n{question}<|im_end|>"
        f"<|im_start|>assistant\n{end}"
    )


class OneModel:
    """One of the reference's three models: everything that it needs to score an image, and nothing shared."""

    def __init__(self, folder: Path, phases: Phases) -> None:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        self.side = config["force_image_size"]
        self.most_tiles = config["max_dynamic_patch"]
        patches = self.side // config["vision_config"]["patch_size"]
        self.tokens_a_tile = int(patches * config["downsample_ratio"]) ** 2
        self.tokenizer = Tokenizer(folder)
        self.model, self.head = load(folder)
        self.phases = phases
        self.hidden = torch.empty(0)
        inner = self.model.model
        for part, phase in (
            (inner.vision_tower, "vision"),
            (inner.multi_modal_projector, "vision"),
            (inner.language_model, "language"),
            (self.model.lm_head, "vocabulary"),
        ):
            phases.watch(part, phase)
        inner.language_model.register_forward_hook(self._keep_hidden)

    def _keep_hidden(self, _module: nn.Module, _inputs: object, output: object) -> None:
        self.hidden = output.last_hidden_state

    def pixels(self, image: Path) -> Tensor:
        """Tiles [T, 3, S, S] of an image file, the thumbnail last."""
        with self.phases.of("decode"):
            square = Image.open(image).convert("RGB").resize((SQUARE, SQUARE), Image.Resampling.BICUBIC)
            across = 1
            while (across + 1) ** 2 <= self.most_tiles and 0.5 * (self.side * (across + 1)) ** 2 < SQUARE**2:
                across += 1
            whole = square.resize((self.side * across,) * 2)
            corners = [(x * self.side, y * self.side) for y in range(across) for x in range(across)]
            tiles = [whole.crop((x, y, x + self.side, y + self.side)) for x, y in corners]
            if across > 1:
                tiles.append(square.resize((self.side, self.side)))
            values = np.stack([(np.asarray(tile, np.float32) / 255 - MEAN) / STD for tile in tiles])
            return torch.from_numpy(values.transpose(0, 3, 1, 2).copy())

    def ids(self, tiles: int, question: str, answer: str | None) -> list[int]:
        """The whole dialogue in tokens."""
        return self.tokenizer.encode(dialogue(tiles * self.tokens_a_tile, question, answer))

    def logits(self, pixels: Tensor, ids: Tensor) -> Tensor:
        """Logits [1, N, V] of every position; the hidden states [1, N, H] are left in ``hidden``."""
        mask = torch.ones_like(ids)
        return self.model(input_ids=ids, pixel_values=pixels, attention_mask=mask, use_cache=False).logits

    def score_ids(self, pixels: Tensor, ids: Tensor) -> float:
        """The score read from one unpadded row of tokens [1, N]."""
        self.logits(pixels, ids)  # computed, and thrown away
        assert self.head is not None
        return float(self.head(self.hidden[:, SCORE_PLACE]))

    def score(self, image: Path, question: str, answer: str) -> float:
        """The score of an image file, with the dummy answer that the model was trained on."""
        pixels = self.pixels(image)
        ids = self.ids(len(pixels), question, answer)
        return self.score_ids(pixels, torch.tensor([ids]))

    def answer(self, image: Path, question: str, *, generate: bool) -> Answer:
        """What the model says to a question."""
        pixels = self.pixels(image)
        asked = self.ids(len(pixels), question, None)
        if generate:
            ids = torch.tensor([asked])
            made = self.model.generate(
                input_ids=ids,
                pixel_values=pixels,
                attention_mask=torch.ones_like(ids),
                max_new_tokens=NEW_TOKENS,
                do_sample=False,
                output_logits=True,
                return_dict_in_generate=True,
                eos_token_id=[self.tokenizer.special["</s>"], self.tokenizer.special["<|im_end|>"]],
                pad_token_id=self.tokenizer.special["</s>"],
            )
            return self.read(made.logits[0][0])
        given = self.ids(len(pixels), question, "Yes")
        return self.read(self.logits(pixels, torch.tensor([given]))[0, len(asked) - 1])

    def read(self, logits: Tensor) -> Answer:
        """The answer in the logits [V] of its first place."""
        token = int(logits.argmax())
        known = {word: self.tokenizer.single(word) for word in YES + NO}
        found = {word: float(logits[number]) for word, number in known.items() if number is not None}
        sides = ({word: found[word] for word in side if word in found} for side in (YES, NO))
        return Answer(token, self.tokenizer.text(token), *sides)


class ReferenceStyle:
    """The three models, each asked in turn.

    Args:
        folders: the official-layout checkpoint of each dimension that is to be scored.
        answers: ``argmax`` (one forward) or ``generate``.
    """

    def __init__(
        self, folders: dict[Dimension, Path], *, answers: Literal["argmax", "generate"] = "argmax"
    ) -> None:
        self.phases = Phases()
        self.models = {dimension: OneModel(folder, self.phases) for dimension, folder in folders.items()}
        self.answers = answers

    @torch.inference_mode()
    def perception(self, image: Path) -> float:
        """Perceptual quality, about 0 to 100."""
        with self.phases.of("total"):
            return self.models["perception"].score(image, QUALITY, QUALITY_TOLD)

    @torch.inference_mode()
    def correspondence(self, image: Path, prompt: str) -> float:
        """Match with the prompt, about 0 to 100."""
        asked = (
            f"How would you rate the correspondence of this image and its prompt? prompt: {prompt.strip()}"
        )
        told = "The correspondence of the image and its prompt is excellent."
        with self.phases.of("total"):
            return self.models["correspondence"].score(image, asked, told)

    @torch.inference_mode()
    def answer(self, image: Path, question: str) -> Answer:
        """The answer to a yes/no question."""
        with self.phases.of("total"):
            return self.models["answer"].answer(image, question, generate=self.answers == "generate")

    def score(self, image: Path, prompt: str, question: str) -> dict[Dimension, float]:
        """All three, each by its own model from the file on; ``answer`` is ``p_yes``, 0 to 1."""
        return {
            "perception": self.perception(image),
            "correspondence": self.correspondence(image, prompt),
            "answer": self.answer(image, question).p_yes,
        }
