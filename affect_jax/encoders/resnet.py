"""ResNet-18, -50 and -101 (He et al. 2016), as torchvision builds them and names their arrays.

The stride of a bottleneck is on its 3 x 3 convolution ("V1.5"). Letters in names of arrays are axes: N images, H
height, W width, C channels.
"""

from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from affect_jax.layers import winograd
from affect_jax.layers.batch_norm import BatchNorm
from affect_jax.layers.convolve import convolve
from affect_jax.layers.dense import Dense
from affect_jax.layers.spread import is_left_to_xla

DEPTHS = {"resnet18": (2, 2, 2, 2), "resnet50": (3, 4, 6, 3), "resnet101": (3, 4, 23, 3)}
"""Name -> how many blocks each of the four stages has."""
WIDTH = 64


class ResNet(nn.Module):
    """Images to features of each stage, their mean over the image, and scores of classes.

    Attributes:
      depths: blocks of each stage.
      bottleneck: whether a block is 1 x 1, 3 x 3, 1 x 1 with four times the channels behind it; else 3 x 3 twice.
      width: channels of the first stage.
      classes: how many classes the last layer has, 0 for no such layer.
    """

    depths: tuple[int, ...]
    bottleneck: bool
    width: int = WIDTH
    classes: int = 0

    @nn.compact
    def __call__(self, x: jax.Array, mask: jax.Array | None = None, *, train: bool = False) -> dict[str, jax.Array]:
        """Applies it.

        Args:
          x: [N, H, W, 3], normalised.
          mask: bool [N]. Images that are False are read as zeros and reach no statistic of batch norm.
          train: normalise by the batch's statistics and move the running ones.

        Returns:
          `features` [N, D], D = 512 (18) or 2,048; `stage_1` to `stage_4` [N, H / 4, W / 4, C] and so on; `logits`
          [N, classes] where there is such a layer.
        """
        if mask is not None:
            x = jnp.where(mask[:, None, None, None], x, 0)
        outputs = {}
        x = _convolve(x, self.width, 7, 2, "conv1", train)
        x = nn.relu(_normalise(x, mask, train, "bn1"))
        x = nn.max_pool(x, (3, 3), (2, 2), ((1, 1), (1, 1)))
        for stage, depth in enumerate(self.depths):
            for block in range(depth):
                stride = 2 if stage and not block else 1
                name, channels = f"layer{stage + 1}_{block}", self.width * 2**stage
                x = Block(channels, stride, self.bottleneck, name=name)(x, mask, train=train)
            outputs[f"stage_{stage + 1}"] = x
        outputs["features"] = x.mean(axis=(1, 2))
        if self.classes:
            outputs["logits"] = Dense(self.classes, name="fc")(outputs["features"])
        return outputs


class Block(nn.Module):
    """One residual block: [N, H, W, C] -> [N, H / stride, W / stride, `channels`, or 4 `channels` of a bottleneck]."""

    channels: int
    stride: int
    bottleneck: bool

    @nn.compact
    def __call__(self, x: jax.Array, mask: jax.Array | None, *, train: bool) -> jax.Array:
        if self.bottleneck:
            plan = ((1, 1, 1), (3, self.stride, 1), (1, 1, 4))
        else:
            plan = ((3, self.stride, 1), (3, 1, 1))
        y = x
        for index, (size, stride, factor) in enumerate(plan, start=1):
            y = _convolve(y, factor * self.channels, size, stride, f"conv{index}", train)
            y = _normalise(y, mask, train, f"bn{index}")
            y = nn.relu(y) if index < len(plan) else y
        if x.shape != y.shape:
            x = _convolve(x, y.shape[-1], 1, self.stride, "downsample_0", train)
            x = _normalise(x, mask, train, "downsample_1")
        return add_rectified(x, y)


def add_rectified(x: jax.Array, y: jax.Array) -> jax.Array:
    """relu(x + y), where x and y have one shape.

    Two layers read it, and so do the next sums. XLA's CPU compiler computes an operation anew for each reader if it has
    a single operand of full size, as the maximum of relu has: in a stage of 23 blocks each sum would add up all blocks
    before it again. The selection has two such operands, so its result is kept.
    """
    return jnp.where(x <= -y, 0, x + y)


def make_model(name: str, arrays: Mapping[str, np.ndarray]) -> ResNet:
    """The model of a name of `DEPTHS`. Whether it has scores of classes, and how many, is told by the arrays."""
    classes = arrays["fc.weight"].shape[0] if "fc.weight" in arrays else 0
    return ResNet(DEPTHS[name], name != "resnet18", classes=classes)


def _convolve(x: jax.Array, channels: int, size: int, stride: int, name: str, train: bool) -> jax.Array:
    padding = ((size // 2, size // 2),) * 2
    conv = nn.Conv(
        channels,
        (size, size),
        (stride, stride),
        padding,
        use_bias=False,
        kernel_init=nn.initializers.variance_scaling(2.0, "fan_out", "normal"),
        conv_general_dilated=_choose_convolution(size, stride, train),
        name=name,
    )
    return conv(x)


def _choose_convolution(size: int, stride: int, train: bool) -> Callable[..., jax.Array]:
    # Other compilers choose such algorithms themselves; and in training products are not most of the time.
    is_fewer = size == 3 and stride == 1 and not train and jax.default_backend() == "cpu" and not is_left_to_xla()
    return (lambda x, kernel, *_, **__: winograd.convolve_same(x, kernel)) if is_fewer else convolve


def _normalise(x: jax.Array, mask: jax.Array | None, train: bool, name: str) -> jax.Array:
    valid = None if mask is None else jnp.broadcast_to(mask[:, None, None], x.shape[:3])
    return BatchNorm(name=name)(x, valid, train=train)
