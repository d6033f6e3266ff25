"""Which programs XLA compiles meanwhile."""

import contextlib

import jax


@contextlib.contextmanager
def list_compiled():
    """A list that gets the name of each program that is compiled within. What was compiled before is not told again."""
    names = []

    def note(event, _, fun_name="", **__):
        if event.endswith("backend_compile_duration"):
            names.append(fun_name)

    jax.monitoring.register_event_duration_secs_listener(note)
    try:
        yield names
    finally:
        jax.monitoring.unregister_event_duration_listener(note)
