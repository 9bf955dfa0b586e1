"""EvalMi-50K: the human scores of 50,400 images by 24 text-to-image models.

Source: Wang et al., "LMM4LMM: Benchmarking and Evaluating Large-multimodal Image Generation with LMMs",
arXiv 2504.08358 (2025); files of the public repository IntMeGroup/LMM4LMM.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from lmm4lmm.datasets.evalmi50k_files import NAMES, locate
from lmm4lmm.datasets.evalmi50k_names import MODELS, TASKS
from lmm4lmm.datasets.facts import Facts, Scale
from lmm4lmm.datasets.hub import HubFiles
from lmm4lmm.datasets.oddities import Reading
from lmm4lmm.datasets.released import ReleasedSet

REPO = "IntMeGroup/EvalMi-50K"

FACTS = Facts(
    title="EvalMi-50K",
    source="Wang et al., arXiv 2504.08358",
    url="https://github.com/IntMeGroup/LMM4LMM",
    licence="none stated",
    licence_from="ask its authors before you redistribute anything",
    size="50,400 rows, one an image; 2,100 prompts in 20 tasks, 24 models",
    rows=50_400,
    scales={
        "perception": Scale(0, 100, "`MOS1`"),
        "correspondence": Scale(0, 100, "`MOS2`"),
        "answer": Scale(0, 1, "`Y/N`"),
    },
    ceilings={"perception": 0.969, "correspondence": 0.977},
    known={
        "answer_contradicts_sub_answers": 194,
        "identical_prompts": 10,
        "prompt_cut_in_a_file": 1,
        "prompt_differs_between_files": 1,
        "question_lacks_a_blank": 2_388,
        "sub_answers_shuffled": 14,
        "two_questions_in_one_cell": 17,
    },
    models=MODELS,
    tasks=TASKS,
)
"""Its structured side. Ceilings: SRCC that the noise of the released means leaves to any metric; one person against
the others reaches .717 and .772."""

CARD = """\
# EvalMi-50K

Human scores of 50,400 AI images: 2,100 prompts in 20 tasks, each drawn by 24 text-to-image models.

- **Source**: Wang et al., *LMM4LMM*, arXiv 2504.08358; files of github.com/IntMeGroup/LMM4LMM, on the
  Hugging Face hub as `IntMeGroup/EvalMi-50K` (the repository's README links `wangjiarui/EvalMi-50K`). Which files lie
  there we could not see; those of the repository, in a folder, always do: `--data DIR`.
- **Licence**: the repository states none, a stored copy of the hub's page says Apache-2.0; ask its authors before you
  redistribute anything.
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


def _build(files: Mapping[str, Path]) -> Reading:
    # Imported here: who finds the table in the cache need not wait for its builder.
    from lmm4lmm.datasets.evalmi50k_oddities import oddities
    from lmm4lmm.datasets.evalmi50k_table import build

    table = build(files)
    return Reading(table, tuple(oddities(files, table)))


DATASET = ReleasedSet(
    "evalmi50k",
    FACTS,
    CARD,
    find=locate,
    build=_build,
    hub=HubFiles(REPO, tuple(NAMES.values()), what="EvalMi-50K"),
)
"""50,400 rows in the release's order: the columns of every scores table, then those of ``evalmi50k_table.EXTRA``.
``id`` is ``generator/NNN``, ``image`` ``generator/NNN.png``. The first read of given files takes a second or two."""
