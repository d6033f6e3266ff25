"""MulT: every modality attends to every other one, then to itself (Tsai et al. 2019).

    x_m = text, audio, ... projected to d        c_m,s = cross-modal encoder: m asks, s answers, both with positions
    h_m = last step of memory encoder of [c_m,s for all s]        h = [h_m for all m]
    y = (residual_1(relu residual_0(h)) + h) W + b

    submodule               what it is                                       text, audio, video of MOSI: 300, 5, 20
    <m>_projection          dense, without bias, on every step               9,750
    cross_<target>_<source> pre-norm layers of width d                       56,010 each
    memory_<m>              pre-norm layers of width d times the sources     220,020 each
    residual_0, residual_1  dense layers on h                                32,580 each
    classifier              W, b                                             181

1,071,211 parameters. One layer norm serves the query and the answers of a cross-modal layer; the answers are embedded
once and are the same for all layers. A query sees answers up to its own step plus the difference of both lengths, so
in the memory what came before. The layers of an encoder are one scan.

`fidelity='authors'` follows the public code: it has no padding masks (padding is zeros that are read; a frame whose
first projected channel is exactly 0 gets no position), the last step is that of the padded sequence, and features that
are as wide as d already are not projected. Here padding and missing modalities are masked, and lengths are those of
each example.
"""

from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
from flax import linen as nn

from affect_jax.errors import UserError, join_words, suggest_nearest
from affect_jax.layers.dense import Dense
from affect_jax.layers.dropout import Dropout
from affect_jax.layers.dropped_attention import DroppedAttention
from affect_jax.layers.modalities import check_modalities, read_sequence
from affect_jax.layers.outputs import check_classes, name_outputs
from affect_jax.layers.products import multiply_rows
from affect_jax.layers.recurrent_fusion import select_last_state
from affect_jax.layers.wide import to_wide

FIDELITY = ("paper", "authors")
_XAVIER, _ZEROS = nn.initializers.xavier_uniform(), nn.initializers.zeros


def _make_positions(valid_BxT: jax.Array, features: int) -> jax.Array:
    """[B, T, features]: sines first, cosines behind them, of steps that count from 1; zeros where not valid."""
    half = features // 2
    frequencies = jnp.exp(jnp.arange(half, dtype=jnp.float32) * (-jnp.log(10_000.0) / max(half - 1, 1)))
    angles = jnp.arange(1, valid_BxT.shape[1] + 1, dtype=jnp.float32)[:, None] * frequencies[None, :]
    table_TxD = jnp.pad(jnp.concatenate([jnp.sin(angles), jnp.cos(angles)], axis=1), ((0, 0), (0, features % 2)))
    return jnp.where(valid_BxT[..., None], table_TxD[None], 0)


def _norm(name: str) -> nn.Module:
    return nn.LayerNorm(epsilon=1e-5, use_fast_variance=False, name=name)


class Layer(nn.Module):
    """A pre-norm layer: x [B, T, D] asks, `source` [B, S, D] answers (None: x itself); seen [B, 1, T, S] or None."""

    heads: int

    @nn.compact
    def __call__(
        self,
        x: jax.Array,
        source: jax.Array | None,
        seen: jax.Array | None,
        rates: Sequence[float | jax.Array],
        train: bool,
    ) -> tuple[jax.Array, None]:
        attention, hidden, branch, _ = rates
        width, norm = x.shape[-1], _norm("norm_0")
        asks = norm(x)
        answers = asks if source is None else norm(source)
        mixed = self._attend(asks, answers, seen, attention, train)
        x = x + Dropout(name="drop_0")(Dense(width, _XAVIER, _ZEROS, name="out_proj")(mixed), branch, train=train)
        y = nn.relu(Dense(4 * width, _XAVIER, _ZEROS, name="dense_0")(_norm("norm_1")(x)))
        y = Dense(width, _XAVIER, _ZEROS, name="dense_1")(Dropout(name="drop_1")(y, hidden, train=train))
        return x + Dropout(name="drop_2")(y, branch, train=train), None

    def _attend(
        self,
        asks: jax.Array,
        answers: jax.Array,
        seen: jax.Array | None,
        rate: float | jax.Array,
        train: bool,
    ) -> jax.Array:
        width = asks.shape[-1]
        projection = _InProjection(name="in_proj")
        q, k, v = projection(asks, answers)
        q, k, v = (part.reshape(*part.shape[:2], self.heads, width // self.heads) for part in (q, k, v))
        attention = DroppedAttention(name="drop")
        mixed = attention(q * (width // self.heads) ** -0.5, k, v, seen, rate, train=train)
        return mixed.reshape(asks.shape)


class _InProjection(nn.Module):
    """Queries of one sequence, keys and values of another, by one matrix [D, 3D]."""

    @nn.compact
    def __call__(self, asks: jax.Array, answers: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        width = asks.shape[-1]
        kernel = self.param("kernel", _XAVIER, (width, 3 * width))
        bias = self.param("bias", _ZEROS, (3 * width,))
        q = multiply_rows(asks, kernel[:, :width]) + bias[None, None, :width]
        both = multiply_rows(answers, kernel[:, width:]) + bias[None, None, width:]
        k, v = jnp.split(both, 2, axis=-1)
        return q, k, v


class Encoder(nn.Module):
    """Layers over x [B, T, D], as one scan, and a layer norm. `valid` and `source_valid` say where there are frames."""

    layers: int
    heads: int

    @nn.compact
    def __call__(
        self,
        x: jax.Array,
        valid: jax.Array,
        seen: jax.Array | None,
        rates: Sequence[float | jax.Array],
        train: bool,
        source: jax.Array | None = None,
        source_valid: jax.Array | None = None,
    ) -> jax.Array:
        def embed(name: str, y: jax.Array, valid: jax.Array) -> jax.Array:
            y = y * y.shape[-1] ** 0.5 + _make_positions(valid, y.shape[-1]).astype(y.dtype)
            return Dropout(name=name)(y, rates[-1], train=train)

        x = embed("drop", x, valid)
        if source is not None:
            source = embed("drop_source", source, source_valid)
        stack = nn.scan(
            Layer,
            variable_axes={"params": 0},
            split_rngs={"params": True, "dropout": True},
            in_axes=(nn.broadcast, nn.broadcast, nn.broadcast, nn.broadcast),
            length=self.layers,
        )
        x, _ = stack(self.heads, name="layers")(x, source, seen, tuple(rates), train)
        return _norm("norm")(x)


class Model(nn.Module):
    """MulT of two or more modalities.

    Attributes:
      modalities: those that are read.
      classes: number of classes, or 0 for a regression.
      targets: the modalities that ask; () for all.
      width: d, which `heads` divides.
      heads: of attention.
      layers: of each cross-modal encoder; a memory has at least 3.
      causal: a query sees what came before it, see above; else everything.
      dropouts: rates of attention by its source, one for each modality, then of attention in the memories, of hidden
        units, of residual branches, of embeddings and in front of the last layer; () for the stage's `dropout`.
      input_dropout: modalities whose features drop at the rate of embeddings.
      fidelity: 'paper' or 'authors'.
    """

    modalities: Sequence[str] = ("text", "audio", "video")
    classes: int = 0
    targets: Sequence[str] = ()
    width: int = 30
    heads: int = 5
    layers: int = 5
    causal: bool = True
    dropouts: Sequence[float] = ()
    input_dropout: Sequence[str] = ()
    fidelity: str = "paper"

    @property
    def deployed(self) -> tuple[str, ...]:
        """Names of the submodules that stay after training: all that a target needs."""
        cross = [f"cross_{t}_{s}" for t in self._targets for s in self.modalities if s != t]
        memories = [f"memory_{t}" for t in self._targets]
        head = ("residual_0", "residual_1", "classifier")
        return (*(f"{m}_projection" for m in self.modalities), *cross, *memories, *head)

    @property
    def _targets(self) -> tuple[str, ...]:
        return tuple(self.targets) or tuple(self.modalities)

    def _check(self) -> None:
        check_modalities("mult", self.modalities)
        check_classes("mult", self.classes)
        if self.fidelity not in FIDELITY:
            near = suggest_nearest(self.fidelity, FIDELITY)
            raise UserError(f"model 'mult' has fidelity {self.fidelity!r}{near}; choose one of {join_words(FIDELITY)}")
        if self.width % self.heads:
            raise UserError(
                f"model 'mult' has width {self.width}, which {self.heads} heads cannot share; make them fit"
            )
        for m in (*self.targets, *self.input_dropout):
            if m not in self.modalities:
                raise UserError(
                    f"model 'mult' names {m!r}, but its modalities are {join_words(self.modalities)}; mend it"
                )
        rates = len(self.modalities) + 5
        if len(self.dropouts) not in (0, rates):
            raise UserError(f"model 'mult' has {len(self.dropouts)} dropouts, but needs {rates}, or () for the stage's")

    @nn.compact
    def __call__(
        self,
        inputs: Mapping[str, jax.Array],
        masks: Mapping[str, jax.Array],
        *,
        train: bool,
        dropout: float | jax.Array = 0.0,
        frozen: Sequence[str] = (),
    ) -> dict[str, jax.Array]:
        """Returns all outputs.

        Args:
          inputs: modality -> [B, T, D], or [B, D]; lengths need not agree.
          masks: modality -> bool, the input's shape without its last axis; all False where the modality is missing.
          train: dropout acts; needs the rng stream 'dropout'.
          dropout: rate, where the model has no rates of its own; may be traced.
          frozen: no effect: the submodules are trained together.

        Returns:
          `logits` and `prediction`, the same, [B, classes], or of a regression `prediction` [B]; `latent/<target>`, the
          last step of a memory; `fused`, all of them; `cross/<target>/<source>` and `memory/<target>`, every step.

        Raises:
          UserError: the model's fields do not fit each other, or the batch.
        """
        del frozen
        self._check()
        rates = list(self.dropouts) or [dropout] * (len(self.modalities) + 5)
        by_source, (memory, hidden, branch, embedding, last) = rates[:-5], rates[-5:]
        by_source = dict(zip(self.modalities, by_source, strict=True))
        x, valid = {}, {}
        for m in self.modalities:
            features, valid[m] = read_sequence(inputs, masks, m)
            if m in self.input_dropout:
                features = Dropout(name=f"{m}_drop")(features, embedding, train=train)
            x[m] = nn.Dense(self.width, use_bias=False, kernel_init=_XAVIER, name=f"{m}_projection")(features)
            if self.fidelity == "authors" and features.shape[-1] == self.width:
                x[m] = features
        outputs = {}
        for t in self._targets:
            crossed = []
            for s in (m for m in self.modalities if m != t):
                encoder = Encoder(self.layers, self.heads, name=f"cross_{t}_{s}")
                seen, sizes = self._see(valid[t], valid[s]), (by_source[s], hidden, branch, embedding)
                places = self._find_frames(x[t], valid[t]), self._find_frames(x[s], valid[s])
                crossed.append(encoder(x[t], places[0], seen, sizes, train, source=x[s], source_valid=places[1]))
                outputs[f"cross/{t}/{s}"] = crossed[-1]
            joined = jnp.concatenate(crossed, axis=-1)
            encoder = self._make_memory(t)
            seen, places = self._see(valid[t], valid[t]), self._find_frames(joined, valid[t])
            steps = encoder(joined, places, seen, (memory, hidden, branch, embedding), train)
            outputs[f"memory/{t}"] = steps
            is_padded = self.fidelity != "authors"
            outputs[f"latent/{t}"] = select_last_state(steps, valid[t]) if is_padded else steps[:, -1]
        self._make_unused(x[self.modalities[0]], train)
        fused = outputs["fused"] = jnp.concatenate([outputs[f"latent/{t}"] for t in self._targets], axis=-1)
        y = nn.relu(Dense(fused.shape[-1], name="residual_0")(fused))
        y = Dense(fused.shape[-1], name="residual_1")(Dropout(name="drop")(y, last, train=train)) + fused
        return outputs | name_outputs(Dense(self.classes or 1, name="classifier")(to_wide(y)), self.classes)

    def _make_memory(self, target: str) -> Encoder:
        return Encoder(max(self.layers, 3), self.heads, name=f"memory_{target}")

    def _make_unused(self, x: jax.Array, train: bool) -> None:
        """The authors' code has a memory also for modalities that are no target; it is never called but here."""
        if self.fidelity == "authors" and self.is_initializing():
            for m in self.modalities:
                if m not in self._targets:
                    wide = jnp.concatenate([x] * (len(self.modalities) - 1), axis=-1)
                    self._make_memory(m)(wide, jnp.ones(x.shape[:2], bool), None, (0.0,) * 4, train)

    def _find_frames(self, x_BxTxD: jax.Array, valid_BxT: jax.Array) -> jax.Array:
        """bool [B, T]: which steps have a position."""
        return x_BxTxD[..., 0] != 0 if self.fidelity == "authors" else valid_BxT

    def _see(self, asks_BxT: jax.Array, answers_BxS: jax.Array) -> jax.Array | None:
        """bool [B or 1, 1, T, S]: which answers a query sees; None for all."""
        steps_T, steps_S = jnp.arange(asks_BxT.shape[1]), jnp.arange(answers_BxS.shape[1])
        if self.fidelity == "authors":
            ahead = jnp.abs(jnp.asarray(asks_BxT.shape[1] - answers_BxS.shape[1]))[None]
            return self._look_ahead(steps_T, steps_S, ahead) if self.causal else None
        seen = answers_BxS[:, None, None, :]
        ahead = jnp.abs(asks_BxT.sum(axis=1) - answers_BxS.sum(axis=1))
        return seen & self._look_ahead(steps_T, steps_S, ahead) if self.causal else seen

    @staticmethod
    def _look_ahead(steps_T: jax.Array, steps_S: jax.Array, ahead_B: jax.Array) -> jax.Array:
        return (steps_S[None, None, :] <= steps_T[None, :, None] + ahead_B[:, None, None])[:, None]

    def deploy(self, inputs: Mapping[str, jax.Array], masks: Mapping[str, jax.Array]) -> jax.Array:
        """Returns predictions [B], or logits [B, classes]."""
        return self(inputs, masks, train=False)["prediction"]
