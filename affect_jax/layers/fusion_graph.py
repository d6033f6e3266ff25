"""Dynamic fusion graph: a vertex for every set of modalities, each reading all its subsets (Zadeh et al. 2018b, 4.1).

    v_S = net_S [e_(S, R) v_R for every proper subset R of S]        summary = net [e_R v_R for every set R]

v of a single modality is its input. Efficacies e are numbers, one for each edge, which a net reads off all inputs; they
are not squashed. A net is two linear layers without anything between them, as in the public code.

The public code keeps the nets of the vertices in a plain dictionary: they are not parameters there, never trained and
not saved. `trained=False` is that: they are drawn at the start, lie beside the parameters, and stay.
Letters in names of arrays are axes: B batch, T steps.
"""

import itertools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from flax import linen as nn

from affect_jax.layers.dense import Dense, uniform
from affect_jax.layers.products import multiply_rows

# The collection of what is kept but not trained.
_KEPT = "batch_stats"


class FixedDense(nn.Module):
    """`Dense` whose arrays are drawn at the start and stay as they are."""

    features: int

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        def draw(shape: tuple[int, ...]) -> jax.Array:
            return uniform(x.shape[-1] ** -0.5)(self.make_rng("params"), shape)

        kernel = self.variable(_KEPT, "kernel", draw, (x.shape[-1], self.features)).value
        bias = self.variable(_KEPT, "bias", draw, (self.features,)).value
        return multiply_rows(x, kernel.astype(x.dtype)) + bias.astype(x.dtype).reshape((1,) * (x.ndim - 1) + (-1,))


class TwoLinear(nn.Module):
    """Two linear layers, `dense_0` to `hidden` and `dense_1`: a product of low rank."""

    hidden: int
    features: int
    trained: bool = True

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        layer = Dense if self.trained else FixedDense
        return layer(self.features, name="dense_1")(layer(self.hidden, name="dense_0")(x))


class FusionGraph(nn.Module):
    """One vector [..., D_m] of each modality -> summary [..., vertex] and efficacies [..., edges].

    Submodules: `vertex_0_1` and so on, `efficacies` with `read` in front, `summary`.

    Attributes:
      vertex: width of the vertices that are not inputs, and of the summary.
      hidden: width inside the nets.
      trained: the vertices' nets are parameters.
    """

    vertex: int
    hidden: int
    trained: bool = True

    @nn.compact
    def __call__(self, vectors: Sequence[jax.Array]) -> tuple[jax.Array, jax.Array]:
        count = len(vectors)
        values = {(i,): vector for i, vector in enumerate(vectors)}
        sets = list_sets(range(count))
        sources = [list_sets(key)[:-1] for key in sets[count:]] + [sets]
        code = TwoLinear(self.hidden, self.vertex, name="read")(jnp.concatenate(vectors, axis=-1))
        efficacies = Dense(sum(map(len, sources)), name="efficacies")(code)
        at = 0
        for key, subsets in zip([*sets[count:], None], sources, strict=True):
            edges = [values[subset] * efficacies[..., at + i, None] for i, subset in enumerate(subsets)]
            name, trained = ("summary", True) if key is None else (name_vertex(key), self.trained)
            values[key] = TwoLinear(self.hidden, self.vertex, trained, name=name)(jnp.concatenate(edges, axis=-1))
            at += len(subsets)
        return values[None], efficacies


def list_sets(members: Sequence[int]) -> list[tuple[int, ...]]:
    """All sets of these but the empty one, smaller ones first."""
    members = tuple(members)
    return [key for size in range(1, len(members) + 1) for key in itertools.combinations(members, size)]


def name_vertex(key: Sequence[int]) -> str:
    """The submodule of a set of modalities."""
    return "vertex_" + "_".join(map(str, key))
