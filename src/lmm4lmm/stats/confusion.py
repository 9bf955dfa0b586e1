"""What a table of right and wrong yes/no answers amounts to."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from lmm4lmm.stats.arrays import need_yes_no, pairs


@dataclass(frozen=True)
class Confusion:
    """Counts of a metric's answers against people's; "yes" is the positive class.

    What a class that nobody uses leaves undefined is None.

    Attributes:
        true_yes: both say yes.
        false_yes: the metric says yes, people no.
        false_no: the metric says no, people yes.
        true_no: both say no.
    """

    true_yes: int
    false_yes: int
    false_no: int
    true_no: int

    @property
    def n(self) -> int:
        return self.true_yes + self.false_yes + self.false_no + self.true_no

    @property
    def accuracy(self) -> float:
        """Share of answers that are the same, 0 to 1."""
        return (self.true_yes + self.true_no) / self.n

    @property
    def balanced_accuracy(self) -> float | None:
        """Mean of the shares right among people's yes and among people's no; 0.5 is chance."""
        yes, no = self.true_yes + self.false_no, self.true_no + self.false_yes
        return (self.true_yes / yes + self.true_no / no) / 2 if yes and no else None

    @property
    def f1(self) -> float | None:
        """Harmonic mean of precision and recall of yes, 0 to 1."""
        bottom = 2 * self.true_yes + self.false_yes + self.false_no
        return 2 * self.true_yes / bottom if bottom else None

    @property
    def mcc(self) -> float | None:
        """Matthews' correlation (phi), -1 to 1."""
        said, other = self.true_yes + self.false_yes, self.true_no + self.false_no
        yes, no = self.true_yes + self.false_no, self.true_no + self.false_yes
        root = math.sqrt(float(said) * other * yes * no)
        return (self.true_yes * self.true_no - self.false_yes * self.false_no) / root if root else None

    @property
    def kappa(self) -> float | None:
        """Cohen's kappa: accuracy beyond what both sides' shares of yes give by chance, up to 1."""
        said, yes = self.true_yes + self.false_yes, self.true_yes + self.false_no
        chance = (said * yes + (self.n - said) * (self.n - yes)) / self.n**2
        return (self.accuracy - chance) / (1 - chance) if chance < 1 else None


def confusion(answers: ArrayLike, human: ArrayLike, *, threshold: float = 0.5) -> Confusion:
    """Counts right and wrong answers.

    Args:
        answers: [n] probability of yes, or answers as 0 and 1; NaN where there is none.
        human: [n] 1 for yes, 0 for no; NaN where there is no answer.
        threshold: from this probability on, an answer is yes.

    Raises:
        StatisticsError: a human answer that is neither 0 nor 1, or no item with both answers.
    """
    found = pairs(answers, human)
    need_yes_no(found.y)
    said, yes = found.x >= threshold, found.y == 1
    counts = (int(np.count_nonzero(part)) for part in (said & yes, said & ~yes, ~said & yes, ~said & ~yes))
    return Confusion(*counts)
