"""Parameters at the sizes of the papers' files, and other variants of the authors' constructors; shapes alone."""

import jax
import numpy as np
import pytest

from affect_jax.convert import methods, torch_names
from affect_jax.convert.folder import trace_variables

MULT = dict(orig_d_l=300, orig_d_a=5, orig_d_v=20, lonly=True, aonly=True, vonly=True, d=30, layers=5, num_heads=5)
SMALL_MULT = dict(MULT, orig_d_l=6, orig_d_a=5, orig_d_v=7, d=4, layers=2, num_heads=2)
MISA = dict(embedding_size=75, visual_size=12, acoustic_size=19, hidden_size=32, ff=512, num_classes=1, words=40)
SMALL_MISA = dict(embedding_size=6, visual_size=5, acoustic_size=3, hidden_size=8, ff=12, num_classes=1, words=11)
FUSED = dict(input_dims=(300, 74), output_dim=20, mm_dim=1200)
PICTURES = dict(channels=3, num_outputs=4, audio_channels=1, image_channels=2)
TFN = dict(feature_dims=(300, 5, 20), hidden_dims=(32, 8, 32), text_out=8, post_fusion_dim=16, outputs=1)
LMF = dict(input_dims=(5, 20, 300), hidden_dims=(16, 128, 128), text_out=64, output_dim=1, rank=3)
MFCC = dict(coefficients=13, classes=8, filters=(32, 32, 64), widths=(7, 7, 5), steps=26)
VIDEOS = dict(features={"video": 100, "audio": 73, "text": 100}, gru_units=300, dense_units=100, classes=2)
SMALL_VIDEOS = dict(gru_units=4, dense_units=3, classes=2)
KERAS3 = dict(recurrent_activation="sigmoid", padded_steps="zeros (Keras 3)")
CAT = dict(units=4, widths=(6, 6, 6), classes=2, attn_fusion=False, attn_2=False, vectors=None)
MCTN = dict(feature_dim=300, hidden_dim=32, reg_hidden=32, head_hidden=64, outputs=1)
CASES = [
    ("mmmu_ba", VIDEOS, 2_298_902),
    ("mmmu_ba", dict(SMALL_VIDEOS, features={"video": 6, "audio": 4, "text": 5}, **KERAS3), 857),
    ("mu_sa", VIDEOS, 2_298_302),
    ("mu_sa", dict(VIDEOS, features={"video": 100}), 782_302),
    ("mu_sa", dict(SMALL_VIDEOS, features={"audio": 4}, modalities=("audio",)), 257),
    ("mu_sa", dict(SMALL_VIDEOS, features={"video": 6}, **KERAS3), 305),
    ("catlstm", dict(CAT, features=73, units=100, widths=(100,), unimodal=True, d=73), 72_502),
    ("catlstm", dict(CAT, features=15, attn_2=True, d=5), 464),
    ("catlstm", dict(CAT, features=5, attn_fusion=True, vectors=5), 327),
    ("mctn", dict(hid_dim=32, output_dim=300, outputs=1), 343_514),
    ("mctn_multibench", dict(MCTN, n_layers=1, dropout=0, teacher_forcing_ratio=0.0), 198_809),
    ("mtut", dict(num_classes=25, in_channels=1024, heads=("rgb", "depth"), train_cfg={"beta": 2.0}), 51_250),
    ("tfn", dict(TFN, output_range=6.0, output_shift=-3.0), 89_117),
    ("lmf", LMF, 265_455),
    ("lmf", dict(input_dims=(3, 4, 6), hidden_dims=(5, 6, 5), text_out=4, output_dim=1, rank=4), 569),
    ("mmtm", dict(dim_visual=512, dim_skeleton=128, ratio=4, width=320), 410_560),
    ("msaf", dict(block_channel=16, code=4, in_channels=(1024, 32), blocks=66, split_block=1), 5_356),
    ("msaf", dict(block_channel=4, code=2, in_channels=(8, 4), blocks=3, split_block=2), 100),
    ("msaf_mfcc", dict(MFCC, time=216), 34_024),
    ("mult", dict(MULT, output_dim=1), 1_071_211),
    ("mult", dict(SMALL_MULT, output_dim=2), 12_194),
    ("mult", dict(SMALL_MULT, output_dim=2, aonly=False, vonly=False), 9_122),
    ("misa", dict(MISA, rnncell="lstm", use_cmd_sim=True), 329_685),
    ("misa", dict(SMALL_MISA, num_classes=2, rnncell="lstm", use_cmd_sim=False), 6_287),
    ("misa", dict(SMALL_MISA, rnncell="gru", use_cmd_sim=True, activation="Tanh"), 5_351),
    ("mlb", FUSED, 475_220),
    ("mcb", dict(input_dims=(2048, 2048), output_dim=8, mm_dim=16_000), 128_008),
    ("mcb", dict(input_dims=(6, 5), output_dim=4, mm_dim=15), 64),
    ("cen", dict(inplanes=64, planes=64, num_parallel=2), 76_288),
    ("centralnet", dict(channels=24, num_outputs=10, audio_channels=1, image_channels=1), 944_831),
    ("centralnet", dict(PICTURES, fusingmix="11,22,33"), 15_350),
    ("centralnet", dict(PICTURES, fusingmix="11,32,53", fusetype="cat"), 15_686),
]


@pytest.mark.parametrize(("name", "arguments", "parameters"), CASES)
def test_parameters_and_names_at_other_sizes(name, arguments, parameters):
    method = methods.find_method(name)
    merged = {**method.ARGUMENTS, **arguments}
    model, inputs = method.make_model(merged), method.list_inputs(merged)
    shapes = trace_variables(model, inputs)
    names = method.list_names(model)
    # Numbers that differ everywhere: nothing may be exchanged on the way there and back.
    draw = iter(range(10**9))
    leaves = jax.tree.map(lambda leaf: np.full(leaf.shape, next(draw) % 97, np.float32), shapes)
    arrays = torch_names.write_weights(names, leaves)
    trained = {n for n, w in names.items() if w.path[:1] == ("params",) or n in ("output_range", "output_shift")}
    assert sum(arrays[n].size for n in trained) == parameters
    given = {key: value for key, value in merged.items() if key in (*method.ARGUMENTS, "in_channels")}
    again, variables, found = methods.import_weights(name, arrays, given)
    assert again == model
    assert {m: size["features"] for m, size in found.items()} == {m: size["features"] for m, size in inputs.items()}
    jax.tree.map(np.testing.assert_array_equal, variables, leaves)
