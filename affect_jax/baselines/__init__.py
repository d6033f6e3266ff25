"""Classical models of whole clips, to hold networks against: fixed descriptors of the speech and a simple learner.

`descriptors` and `functionals` turn clips into rows of a table, `learners` and `neighbours` fit them, `study` runs the
folds of a corpus and leaves a run folder as a network's run does.
"""

NAMES = {
    "mfcc_statistics": "MFCC statistics",
    "action_units": "Action units",
    "both": "MFCC statistics + action units",
    "is13": "IS13 baseline",
    "random_subset": "Random subset feature selection",
}
"""Method -> its cell."""
