"""Changes to what our own programs write: documents of JSON, and arrays."""

import numpy as np
from hypothesis import strategies as st

VALUES = (None, True, -1, 0, 2.5, 10**30, 10**400, "", "x", "../x", [], [1], ["x"], {}, {"a": 1}, [[]], 1e308)


def list_paths(value, path=()):
    """The path of every value in a document, the document's own first."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, of_key in items:
        yield from list_paths(of_key, (*path, key))


def change_document(draw, document):
    """One value somewhere in the document is another one, or gone; it is changed in place."""
    *where, last = draw(st.sampled_from([path for path in list_paths(document) if path]), label="path")
    node = document
    for key in where:
        node = node[key]
    if draw(st.booleans(), label="is removed"):
        del node[last]
    else:
        node[last] = draw(st.sampled_from(VALUES), label="value")
    return document


def change_array(draw, arrays):
    """One of the arrays has another shape or type, or is gone."""
    name = draw(st.sampled_from(sorted(arrays)), label="array")
    value = arrays[name]
    changes = (
        value[..., None],
        value.ravel()[:0],
        value[:-1] if value.ndim else value,
        np.repeat(value, 2, 0) if value.ndim else value,
        np.zeros(()),
        value.astype(str),
        np.zeros((1, 2, 3)),
        np.array([0]),
        np.zeros(value.shape, complex),
        np.zeros(value.shape, bool),
    )
    change = draw(st.integers(0, len(changes)), label="change")
    others = {other: of_other for other, of_other in arrays.items() if other != name}
    return others if change == len(changes) else {**others, name: changes[change]}
