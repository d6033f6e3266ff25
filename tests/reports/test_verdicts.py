"""What the terminal says at the end of a run is what the report says."""

from affect_jax.reports import verdicts

PAIR = "configs/seqsew.py:mosi,video+text"
DRAWS = ("draw_0", "draw_1", "draw_2")


def test_every_variant_has_the_verdict_of_the_report(make_run):
    error = {"SeqSEW": 0.5, "-LFA": 0.02, "same": 0.5}
    variants = [("teachers", name) for name in error]
    text = verdicts.summarize_verdicts(make_run(PAIR, variants, error=error, folds=DRAWS, seeds=3))
    head, better, same = text.splitlines()
    assert head.startswith("against SeqSEW, by t, ")
    assert better == "  -LFA: better"
    assert same.startswith("  same: no difference shown (80 % power at ")


def test_one_trial_says_so_and_one_variant_nothing(make_run):
    text = verdicts.summarize_verdicts(make_run(PAIR, [("a", "a"), ("b", "b")], folds=("draw_0",), seeds=1))
    assert text.splitlines()[1] == "  b: one trial only, not tested"
    assert verdicts.summarize_verdicts(make_run("configs/x.py", [("a", "a")])) == ""
