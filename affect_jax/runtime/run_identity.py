"""What ties the files of a run folder together: the run itself, its config, its corpus and its folds.

config.json has the identity; checkpoints, weights, predictions.npz and results.json repeat it. So nothing that was made
from another corpus, or copied from another run, is taken for the run's own.
"""

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from affect_jax.errors import UserError
from affect_jax.runtime.files import hash_json, read_config_document, write_json

_PLACES = (
    "data_dir",
    "manual_dir",
    "manifest",
    "path",
)  # where files lie may change; what is in them is hashed for itself


class RunIdentity(NamedTuple):
    """Whose a file is.

    Attributes:
      run: 32 hexadecimal digits, drawn when the run was begun.
      config: sha256 of the config, but for `engine`, which says how to run, and for the places of files.
      corpus: its fingerprint.
      folds: sha256 of the folds' names and recordings.
    """

    run: str
    config: str
    corpus: str
    folds: str


def claim_run_folder(workdir: Path, corpus: str, folds: Any) -> RunIdentity:
    """Notes in config.json what the run is trained on, or checks that it is still the same.

    Args:
      workdir: the run folder, with its config.json.
      corpus: the fingerprint.
      folds: anything JSON can hold, in which two folds differ if they are not the same.

    Raises:
      UserError: the corpus, the folds or config.json have changed since the run was begun.
    """
    document = read_config_document(workdir / "config.json")
    now = RunIdentity(secrets.token_hex(16), _hash_config(document["config"]), corpus, hash_json(folds))
    begun = read_identity(workdir)
    if begun is None:
        if any((workdir / name).exists() for name in ("checkpoints", "weights")):
            raise UserError(
                f"{workdir} was begun by a version that did not note its corpus, so nothing shows that it is still the "
                "same; train in another --workdir"
            )
        write_json(workdir / "config.json", {**document, "identity": now._asdict()})
        return now
    remedies = {
        "config": "restore config.json, or train in another --workdir",
        "corpus": "restore its files, or train on the changed corpus in another --workdir",
        "folds": "restore them, or train in another --workdir",
    }
    for what, remedy in remedies.items():
        then, today = getattr(begun, what), getattr(now, what)
        if then != today:
            raise UserError(
                f"{workdir} was begun with another {_name(what)} ({then[:12]} then, {today[:12]} now); {remedy}"
            )
    return begun


def read_identity(workdir: Path) -> RunIdentity | None:
    """The identity in config.json; None where there is none, as in folders of older versions.

    Raises:
      UserError: config.json is damaged, or its config is not the one that the identity was made for.
    """
    path = workdir / "config.json"
    document = read_config_document(path) if path.is_file() else {}
    if "identity" not in document:
        return None
    value = document["identity"]
    if not isinstance(value, dict) or set(value) != set(RunIdentity._fields):
        raise UserError(f"{path} has a damaged 'identity'; restore the file, or train that run again")
    identity = RunIdentity(**{name: str(of_name) for name, of_name in value.items()})
    if _hash_config(document["config"]) != identity.config:
        raise UserError(
            f"{path} was edited after its run had begun: its config is not the one that was trained; restore the file, "
            "or train that run again"
        )
    return identity


def check_origin(identity: RunIdentity | None, stated: Any, where: Path | str) -> None:
    """Raises UserError where a file that states `stated` (an identity as a mapping) is not of the run `identity`.

    A run without an identity is of an older version; its files state none either.
    """
    expected = None if identity is None else identity._asdict()
    if stated == expected:
        return
    if not isinstance(stated, Mapping):
        raise UserError(f"{where} does not say which run made it; train that run again")
    if expected is None or stated.get("run") != expected["run"]:
        raise UserError(f"{where} is of another run than the folder it lies in; put the folder's own file back")
    what = next(name for name in RunIdentity._fields if stated.get(name) != expected[name])
    raise UserError(
        f"{where} was made with another {_name(what)} than config.json says; restore both, or train that run again"
    )


def _name(what: str) -> str:
    return {"folds": "division into folds"}.get(what, what)


def _drop_places(corpus: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a corpus, and of those that it is made of, but for the places of files."""
    kept = {key: value for key, value in corpus.items() if key not in _PLACES}
    if isinstance(kept.get("parts"), Mapping):
        kept["parts"] = {
            name: _drop_places(part) if isinstance(part, Mapping) else {} for name, part in kept["parts"].items()
        }
    return kept


def _hash_config(config: Mapping[str, Any]) -> str:
    values = {key: value for key, value in config.items() if key != "engine"}
    if isinstance(values.get("corpus"), Mapping):
        values["corpus"] = _drop_places(values["corpus"])
    return hash_json(values)
