"""What a model in training says of the pictures that the code draws: kept with its result, to be compared with."""

from __future__ import annotations

import torch

from lmm4lmm.model import drawn
from lmm4lmm.model.levels import expected_score
from lmm4lmm.model.saved_manifest import Drawn
from lmm4lmm.training.large.asking import Query, collate, sample_of
from lmm4lmm.training.large.module import LargeModule


def recorded(module: LargeModule) -> Drawn | None:
    """Scores and probabilities of the drawn pictures, as ``drawn.run`` gives them for the result.

    Returns:
        None in one of several processes: a sharded model can't be run by one of them.
    """
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        return None
    base, form = module.base, module.form
    samples = []
    for sketch in drawn.sketches():
        asked = drawn.plan(base, form, sketch, module.outputs)
        queries = tuple(Query(one.reading, one.dimensions) for one in asked)
        samples.append(sample_of(base.prepare(sketch.image), queries))
    training = module.training
    module.eval()
    try:
        with torch.no_grad():
            found = module(**collate(samples))
    finally:
        module.train(training)
    scores = {}
    for dimension in module.outputs:
        if dimension == "answer":
            values = found["answer"].sigmoid()
        elif form == "levels":
            values = expected_score(found[f"{dimension}_levels"])
        else:
            values = found[dimension]
        scores[drawn.label(form, dimension)] = values.double().tolist()
    return Drawn(drawn.VERSION, scores)
