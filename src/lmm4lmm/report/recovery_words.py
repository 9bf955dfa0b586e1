"""Methods of recovery in words, as a paper would say it, each with its sources."""

from __future__ import annotations

P910 = "Recommendation ITU-T P.910 (2023), Annex E."
BT500 = "Recommendation ITU-R BT.500-15 (2023)."
P913 = "Recommendation ITU-T P.913 (2021)."
LI = (
    "Li, Bampis, Krasula, Janowski, Katsavounidis, A simple model for subject behavior in subjective experiments, "
    "Electronic Imaging 2020."
)
EVALMI = "LMM4LMM: Benchmarking and Evaluating Large-multimodal Image Generation with LMMs, arXiv 2504.08358."
BRADLEY = "Bradley and Terry, Biometrika 39, 1952."
DAVIDSON = "Davidson, Journal of the American Statistical Association 65, 1970."
WILSON = "Wilson, Journal of the American Statistical Association 22, 1927."
KRIPPENDORFF = "Krippendorff, Content Analysis, 2nd ed., Sage 2004, chapter 11."
ICC = "McGraw and Wong, Psychological Methods 1, 1996."
DONNER = "Donner, International Statistical Review 54, 1986."
SPEARMAN_BROWN = "Spearman, British Journal of Psychology 3, 1910; Brown, ibid."

_LIKELIHOOD = (
    "maximum-likelihood estimates of a model in which a rating is the image's quality, the rater's bias and an error "
    "whose variance is the rater's own, so that inconsistent raters count less"
)
RECOVERY: dict[str, tuple[str, tuple[str, ...]]] = {
    "mos": ("the plain means of the ratings", ()),
    "zscore": ("means of z-scores, standardised within each rater (ddof 1)", ()),
    "bt500": ("means of the ratings of those raters whom BT.500's screening keeps", (BT500,)),
    "zscore_bt500": ("means of z-scores within raters, after BT.500's screening of these", (BT500,)),
    "p913": ("means after each rater's mean distance from the other raters was taken off", (P913,)),
    "p913_bt500": (
        "means after each rater's bias was taken off, of those raters whom BT.500's screening keeps",
        (P913, BT500),
    ),
    "p910": (f"{_LIKELIHOOD} (ITU-T P.910, Annex E)", (P910, LI)),
    "p910_ap": (f"{_LIKELIHOOD}; standard errors come from the curvature of the likelihood", (P910, LI)),
    "mle": (f"{_LIKELIHOOD}; standard errors come from the curvature of the likelihood", (LI,)),
    "aigi": (
        "means of z-scores within raters, put on 0 to 100 as 100 (z + 3) / 6, after ratings far from the others' of "
        "the same image and raters with more than 5 % of such ratings were dropped",
        (EVALMI,),
    ),
}
"""Method -> what scores are, to follow "Scores are", and its sources."""
PAIRS = (
    "Scores are worths of Bradley and Terry's model in log-odds, which sum to 0, {ties}.",
    {
        "davidson": ("with ties after Davidson", (BRADLEY, DAVIDSON)),
        "half": ("with a tie as half a win each", (BRADLEY,)),
        "drop": ("without the ties", (BRADLEY,)),
    },
)
VOTES = "An image's answer is what more than half of its raters said; the share of yes has Wilson's interval."
