"""Memory of a study of 1 and of 20 trials over one pretrained encoder of base size, by XLA's plan of an epoch.

    python -m benchmarks.encoder_memory bert-base                # a line a way to train and a number of trials
    python -m benchmarks.encoder_memory wav2vec2-base --trials=1,20,100

Nothing is run and no weights are needed. Arguments are what lies on the device all the time: the corpus, the encoder,
and of each trial its parameters, the best of them and the optimizer's moments. Temporaries are what an epoch takes
beside them; on a CPU, whose trials run one after another, those of one trial.
"""

import argparse
import json
from typing import Any, NamedTuple

LAYERS = dict(num_hidden_layers=12, hidden_size=768, num_attention_heads=12, intermediate_size=3072)
ENCODERS = {
    "bert-base": ("bert", dict(LAYERS, vocab_size=30522, max_position_embeddings=512), 32),
    "wav2vec2-base": ("wav2vec2", LAYERS, 32_000),
}
"""Name -> family, its config.json, and the length of an example: pieces or samples."""
TRAINED = {
    "nothing": "the head alone",
    "adapters": "adapters of rank 8 and the head",
    "last": "the last 2 layers and the head",
    "all": "all of it",
}
EXAMPLES = 16


class Plan(NamedTuple):
    """Megabytes of a program's arguments and temporaries, and of the encoder that all trials share."""

    arguments: float
    temporaries: float
    shared: float


def plan_memory(name: str, train: str, trials: int) -> Plan:
    """XLA's plan of an epoch of so many trials."""
    import jax
    import numpy as np

    from affect_jax.config.stages import default_hyper, parse_stage
    from affect_jax.data.folds import FoldedCorpus
    from affect_jax.encoders.tuning import EncoderSettings
    from affect_jax.training import epochs, loop, mesh, objective, state, step
    from affect_jax.training.optimizer import make_transform
    from affect_jax.training.trials import plan_trials, stack_trials
    from configs import base

    family, config, length = ENCODERS[name]
    encoder = EncoderSettings(described=json.dumps({"model_type": family, **config}), train=train, layer="learned")
    model, corpus, folds = _make_corpus(encoder, length)
    loss = dict(prediction=base.loss("cross_entropy", "logits", "target"))
    plain = base.stage(train=("*",), losses=loss, optimizer=base.adamw(1e-4, 0.01), monitor="uar", epochs=1, patience=0)
    plain["optimizer"] |= dict(clip=None)
    plain |= dict(batch=8, augment={}, plateau=dict(factor=0.1, patience=0, metric=None))
    stage, hyper = parse_stage("fit", plain, "multiclass"), {"fit": default_hyper(plain)}
    arrays = stack_trials(plan_trials({"one": {}}, [{}], hyper, 1, range(trials)))
    engine = loop.Engine(mesh.make_mesh(1), 1, 8, 60.0)
    shapes = loop.trace_shapes(model, corpus, folds)
    names = objective.collect_names(shapes.outputs, shapes.batch)

    def begin(params: Any) -> state.TrialState:
        opt_state = make_transform(stage, hyper["fit"]).init(params)
        return state.create_state(params, {}, opt_state, objective.init_loss_state(stage.terms, names))

    def lay(tree: Any) -> Any:
        return jax.tree.map(lambda x: jax.ShapeDtypeStruct((trials, *np.shape(x)), x.dtype), tree)

    begun = lay(jax.eval_shape(begin, shapes.params))
    program = epochs._epoch_program(step.StagePlan(model, stage, "multiclass", 8), engine)
    planned = program.lower(FoldedCorpus(corpus, folds, shapes.shared), arrays, {}, begun).compile().memory_analysis()
    shared = sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(shapes.shared))
    return Plan(planned.argument_size_in_bytes / 1e6, planned.temp_size_in_bytes / 1e6, shared / 1e6)


def _make_corpus(encoder: Any, length: int) -> tuple[Any, Any, Any]:
    """A model of two classes on an encoder, a corpus of `EXAMPLES` of one length, and a fold of it."""
    import numpy as np

    from affect_jax.data.corpus import build_corpus
    from affect_jax.data.folds import FoldMembers, build_folds
    from affect_jax.datasets.recordings import Recording
    from affect_jax.encoders import tuning
    from affect_jax.models import pretrained_speech, pretrained_words

    of_sound = tuning.find_kind(encoder) == "sound"
    module, modality = (pretrained_speech, "speech") if of_sound else (pretrained_words, "words")
    values = np.arange(1, length + 1)
    features = values.astype(np.int16) if of_sound else values[:, None].astype(np.float32)
    names = [f"r{number}" for number in range(EXAMPLES)]
    made = [Recording(name, name, (name,), {modality: features}, {"y": np.zeros(1, np.float32)}) for name in names]
    corpus, index = build_corpus(made, modalities=(modality,), target="y", unit="item")
    members = [FoldMembers("one", tuple(names[: EXAMPLES // 2]), tuple(names[EXAMPLES // 2 :]))]
    folds = build_folds(corpus, index, members, {modality: False})
    return module.Model(classes=2, encoder=encoder), corpus, folds


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("encoder", choices=ENCODERS)
    parser.add_argument("--trials", default="1,20", help="numbers, separated by commas")
    parser.add_argument("--train", default=",".join(TRAINED), help="ways to train, separated by commas")
    asked = parser.parse_args()
    print("| what is trained | trials | shared, MB | arguments, MB | temporaries, MB |")
    print("| --- | --- | --- | --- | --- |")
    for train in asked.train.split(","):
        for trials in map(int, asked.trials.split(",")):
            plan = plan_memory(asked.encoder, train, trials)
            numbers = " | ".join(f"{x:,.0f}" for x in (plan.shared, plan.arguments, plan.temporaries))
            print(f"| {TRAINED[train]} | {trials} | {numbers} |", flush=True)


if __name__ == "__main__":
    main()
