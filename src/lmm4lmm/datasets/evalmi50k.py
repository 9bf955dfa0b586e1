"""EvalMi-50K: the human scores of 50,400 images by 24 text-to-image models.

Source: Wang et al., "LMM4LMM: Benchmarking and Evaluating Large-multimodal Image Generation with LMMs",
arXiv 2504.08358 (2025); files of the public repository IntMeGroup/LMM4LMM.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from lmm4lmm.datasets.evalmi50k_files import NAMES, locate
from lmm4lmm.datasets.hub import fetch

if TYPE_CHECKING:
    import polars as pl

REPO = "IntMeGroup/EvalMi-50K"
VERSION = "1"
"""Of the reader: raise it whenever the same files would give another table."""

CARD = """\
# EvalMi-50K

Human scores of 50,400 AI images: 2,100 prompts in 20 tasks, each drawn by 24 text-to-image models.

- **Source**: Wang et al., *LMM4LMM*, arXiv 2504.08358; files of github.com/IntMeGroup/LMM4LMM, on the
  Hugging Face hub as `IntMeGroup/EvalMi-50K`.
- **Licence**: the repository states none; ask its authors before you redistribute anything.
- **Size**: 50,400 rows, one an image; five files of 3.3 MB together (without the images).
- **Scale**: `perception` and `correspondence` are mean opinion scores, 0 to 100, higher is better (here 16.0
  to 73.3 and 22.1 to 70.2); `answer` is what people answered to `question`, yes (1) or no (0).
- **Columns** beside those of every scores table: `generator_published`, `prompt_number` (from 1),
  `prompt_zh`, `prompt_group` (split and resample by this: 10 pairs of prompts are identical), `raw_tag` (58),
  `detailed`, `sub_answers` with `sub_questions` (complex prompts), `flags`.
- **Flags**: `sub_answers_shuffled` (prompts 1033 to 1046: trust `answer`), `answer_contradicts_sub_answers`
  (194 rows), `two_questions_in_one_cell` (1069 to 1085; taken apart here), `prompt_differs_between_files`
  (1371), `prompt_cut_in_a_file` (1377; whole here), `identical_prompt:NNNN` (the first prompt of the pair).
- **Beware**: who made an image alone predicts its perception with SRCC 0.73 and its correspondence with 0.46,
  without a look at a pixel. Compare every metric with such baselines.
"""


class EvalMi50K:
    """The reader; fits ``core.protocols.Dataset``."""

    name = "evalmi50k"
    card = CARD

    def read(self, directory: Path | None = None) -> pl.DataFrame:
        """The typed table: the columns of every scores table, then those of ``evalmi50k_table.EXTRA``.

        The first read of given files takes a second or two; the result is kept under ``LMM4LMM_HOME`` by the
        files' content.

        Args:
            directory: holds the five released files, or a clone of the public repository; without it they are
                fetched from the hub.

        Returns:
            50,400 rows in the release's order. ``id`` is ``generator/NNN``, ``image`` ``generator/NNN.png``.

        Raises:
            InputError: a file is missing, or the hub can't be reached.
            MissingExtraError: the hub is needed and huggingface_hub is not installed.
            ManifestError: a file is damaged; names it with row, column and value.
        """
        from lmm4lmm.datasets.cache import cached

        folder = Path(directory) if directory else fetch(REPO, list(NAMES.values()), what="EvalMi-50K")
        files = locate(folder)
        return cached(self.name, VERSION, files, partial(_build, files))


def _build(files: Mapping[str, Path]) -> pl.DataFrame:
    # Imported here: who finds the table in the cache need not wait for its builder.
    from lmm4lmm.datasets.evalmi50k_table import build

    return build(files)


DATASET = EvalMi50K()
