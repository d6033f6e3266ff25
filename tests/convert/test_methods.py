"""Weights of the zoo's methods by their authors' names: every array is read once, and what does not fit is told."""

import json

import numpy as np
import pytest

from affect_jax import convert
from affect_jax.convert import methods
from affect_jax.errors import UserError
from launch import convert as program
from tests.launch.starting import starter
from tests.zoo import proof
from tests.zoo.test_proof import HERE


@pytest.fixture(scope="module")
def tfn():
    fixture = proof.read_fixture(HERE / "tfn_small.npz")
    return fixture.state_dict, fixture.meta["args"]


def test_what_does_not_fit_is_told(tfn):
    arrays, arguments = tfn
    wide = np.zeros((6, 61), np.float32)
    for changed, given, message in (
        (
            {k: v for k, v in arrays.items() if k != "post_fusion_layer_2.bias"},
            {},
            "'post_fusion_layer_2.bias' of tfn is",
        ),
        (arrays | {"extra": wide}, {}, "there is an array 'extra', which tfn of these sizes does not have"),
        (arrays | {"post_fusion_layer_1.weight": wide}, {}, r"has shape \[6, 61\], but \[6, 60\] fits"),
        (arrays | {"post_fusion_layer_1.weight": wide[0]}, {}, r"has shape \[61\], but needs 2 axes"),
        (arrays | {"post_fusion_layer_2.bias": np.full(6, np.nan)}, {}, "float64 that are not all finite numbers"),
        (arrays, {"dropout": 0.1}, r"tfn takes no argument 'dropout' \(did you mean 'dropouts'\?\)"),
        (arrays, {"text_out": 5}, "argument 'text_out' of tfn is 5, but the arrays are of 4"),
        (arrays, {"train_mode": "both"}, "argument 'train_mode' of tfn is 'both'"),
        ({}, {}, "there is no array 'output_range', so these are not weights of tfn; give its whole state dict"),
    ):
        with pytest.raises(UserError, match=message):
            methods.import_weights("tfn", changed, given)
    with pytest.raises(UserError, match="not weights of lmf; they look like those of 'tfn'"):
        methods.import_weights("lmf", arrays, arguments)
    with pytest.raises(UserError, match="there is no method 'tnf'"):
        methods.import_weights("tnf", arrays, arguments)


def test_a_model_that_the_authors_code_has_no_layers_for_is_not_written(tfn):
    model, variables, _ = methods.import_weights("tfn", *tfn)
    with pytest.raises(UserError, match="but the authors' tfn reads"):
        methods.export_weights("tfn", model.clone(modalities=("audio", "text", "video")), variables)


def test_weights_that_look_like_anothers_are_taken_as_the_user_says_and_told(tmp_path):
    fixture = proof.read_fixture(HERE / "mu_sa_small.npz")
    convert.write_state_dict(tmp_path / "in.npz", fixture.state_dict)
    for arguments, is_told in (({}, True), (fixture.meta["args"], False)):
        told = convert.convert_file(
            "mu_sa", "from_keras", tmp_path / "in.npz", tmp_path / "out", {"arguments": arguments}, ""
        )
        assert ("nothing in the weights tells them from those of mmuu_sa" in told) == is_told
    with pytest.raises(UserError, match="argument 'mode' is 'MU_SA', but this method is 'MMUU_SA'"):
        methods.import_weights("mmuu_sa", fixture.state_dict, fixture.meta["args"])


@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
def test_the_program_reads_and_writes_them(tfn, suffix, tmp_path, monkeypatch, capsys):
    arrays, arguments = tfn
    source, back = tmp_path / f"in{suffix}", tmp_path / f"back{suffix}"
    convert.write_state_dict(source, arrays)
    (tmp_path / "arguments.json").write_text(json.dumps(arguments))
    call = starter(program, monkeypatch)
    call(
        "--model=tfn", "--direction=from_torch", f"--arguments={tmp_path / 'arguments.json'}", source, tmp_path / "out"
    )
    assert "tfn: reads audio of 3, video of 4, text of 6; 772 parameters" in capsys.readouterr().out
    call("--model=tfn", "--direction=to_torch", tmp_path / "out", back)
    read = convert.read_state_dict(back)
    assert read.keys() == arrays.keys()
    for name, value in arrays.items():
        np.testing.assert_array_equal(read[name], 0 * value if name.endswith("tracked") else value)
    for flags, paths, message in (
        (
            ("--model=tfn", "--direction=from_keras"),
            (source, tmp_path / "x"),
            "choose one of from_torch, to_torch",
        ),
        (
            ("--model=lmf", "--direction=to_torch"),
            (tmp_path / "out", back),
            "holds a model 'tfn', but --model is 'lmf'",
        ),
        (
            ("--model=tfn", "--direction=from_torch", "--arguments={"),
            (source, tmp_path / "x"),
            "--arguments is no JSON",
        ),
        (("--model=tfn", "--direction=from_torch", "--arguments=no.json"), (source, tmp_path / "x"), "can be read"),
        (
            ("--model=conflictnet", "--direction=from_keras", "--arguments={}"),
            (source, tmp_path / "x"),
            "methods of the",
        ),
    ):
        with pytest.raises(UserError) as told:
            call(*flags, *paths)
        assert message in str(told.value)
    assert not (tmp_path / "x").exists()


def test_damaged_safetensors_are_told(tfn, tmp_path):
    path = tmp_path / "x.safetensors"
    convert.write_state_dict(path, {"half": np.float16([1.5, -2]), "count": np.int64(3)})
    read = convert.read_state_dict(path)
    np.testing.assert_array_equal(read["half"], [1.5, -2])
    assert read["count"] == 3
    whole = path.read_bytes()
    header = b'{"a":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]}}'
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes.fromhex("803f00c0"))
    np.testing.assert_array_equal(convert.read_state_dict(path)["a"], [1.0, -2.0])
    for content in (
        whole[:-1],
        whole[:20],
        b"",
        (2).to_bytes(8, "little") + b"[]",
        (8).to_bytes(8, "little") + b'{"a": 1}',
        whole.replace(b'"F16"', b'"F8_"'),
    ):
        path.write_bytes(content)
        with pytest.raises(UserError, match=r"is cut short or no safetensors file \(.+\); copy it again"):
            convert.read_state_dict(path)
    with pytest.raises(UserError, match="is missing"):
        convert.read_state_dict(tmp_path / "nothing.safetensors")
