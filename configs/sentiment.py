"""The sentiment of texts by a pretrained encoder of words (BERT, RoBERTa, XLM-R, CamemBERT; docs/encoders.md).

    python -m launch.main --config=configs/sentiment.py                      # planted sentences, a tiny random encoder
    python -m launch.main --config=configs/sentiment.py:text --config.corpus.manifest=FILE.csv \
        --config.model.encoder.weights=WEIGHTS_DIR

Argument: text. FILE.csv has a column of words, or of .txt files, and a label (docs/own_data.md): classes or a number.
On the planted sentences: 21 s of processor time; UAR .86, a constant answer .50 (test splits of five folds).
Low-rank adapters of query and value, the softmax mixture of all layers and a head are trained, the encoder is not;
--config.model.encoder.train=all or last trains it, then with --config.stages.fit.optimizer.learning_rate=3e-5.
"""

import ml_collections

from configs import base


def get_config(argument: str = "text") -> ml_collections.ConfigDict:
    """The config; the corpus decides task, classes, loss and score, unless a flag does."""
    base.parse_argument(argument, ("text",), "what is read")
    config = dict(name="Sentiment of texts", task="multiclass", corpus=base.corpus("manifest"))
    config["data"] = base.data(("words",), "sentiment", unit="item", eval_size=32, standardize=False)
    encoder = base.encoder("bert", train="adapters", layer="learned")
    config["model"] = dict(name="pretrained_words", modality="words", classes=2, encoder=encoder)
    config["model"] |= dict(pooling="mean", head_units=0)
    config["schedule"] = ("fit",)
    loss = base.loss("cross_entropy", "logits", "target")
    optimizer = base.adamw(1e-2, weight_decay=0.01, schedule="linear", warmup=0.1) | dict(clip=1.0)
    fit = dict(optimizer=optimizer, monitor="uar", epochs=30, patience=10, batch=16)
    config["stages"] = dict(fit=base.stage(train=("*",), losses=dict(prediction=loss), **fit))
    config["studies"] = dict(encoder=dict(variants={"encoder": {}}))
    config |= dict(study=base.trials(seeds=1), search=base.search(), engine=base.engine())
    return ml_collections.ConfigDict(config)
