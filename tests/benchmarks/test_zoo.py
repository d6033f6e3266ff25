import json

from affect_jax.convert import methods
from benchmarks.zoo import RECORD
from benchmarks.zoo_page import APART
from configs.zoo import FUSION

RECORDED = json.loads(RECORD.read_text(encoding="utf-8"))


def test_every_method_of_fusion_has_steps_against_pytorch_or_a_reason():
    names = {*FUSION, *methods.list_methods()} - {"mctn_multibench", "mtut"}  # of co-learning
    assert names - {*RECORDED["methods"], *APART} == set()


def test_what_was_compiled_took_less_than_forty_seconds():
    assert max(one["compile"] for part in ("methods", "compile") for one in RECORDED[part].values()) < 40
