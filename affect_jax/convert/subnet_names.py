"""The unimodal networks of TFN and LMF, which their public codes call alike."""

from affect_jax.convert import torch_names as named
from affect_jax.errors import UserError, join_words
from affect_jax.models.fusion import lmf, tfn

_MODALITIES, _SEQUENCES = ("audio", "video", "text"), ("text",)


def list_subnets(method: str, model: tfn.Model | lmf.Model) -> named.Names:
    """Names of the subnets of audio, video and text.

    Raises:
      UserError: the model has other modalities, which the authors' code does not know.
    """
    if tuple(model.modalities) != _MODALITIES or tuple(model.sequences) != _SEQUENCES:
        raise UserError(
            f"the model reads {join_words(model.modalities)}, of them sequences {join_words(model.sequences)}, but "
            "the authors' "
            f"{method} reads {_MODALITIES}, of them {_SEQUENCES}; convert a model of these"
        )
    names = named.recurrent("text_subnet.rnn", "text_subnet/lstm") | named.dense(
        "text_subnet.linear_1", "text_subnet/dense"
    )
    for m in _MODALITIES[:2]:
        names |= named.batch_norm(f"{m}_subnet.norm", f"{m}_subnet/norm")
        for layer in range(3):
            names |= named.dense(f"{m}_subnet.linear_{layer + 1}", f"{m}_subnet/dense_{layer}")
    return names
