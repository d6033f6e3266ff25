"""How much of a process' room for mappings compiled programs take.

XLA maps every kernel into memory of its own, and Linux gives a process 65,530 mappings. One that asks for more dies of
a segmentation fault in the middle of a compilation, which nothing can catch: so a run of many models did at its
thirteenth.
"""

from pathlib import Path

_MAPPINGS = Path("/proc/self/maps")
_LIMIT = Path("/proc/sys/vm/max_map_count")
_SHARE = 0.4
"""Of the limit; the programs of a study of the zoo took 6 to 8 % of it."""


def count_mappings() -> int:
    """Mappings of this process; 0 where the system does not say."""
    return _MAPPINGS.read_bytes().count(b"\n") if _MAPPINGS.exists() else 0


def free_programs(share: float = _SHARE) -> bool:
    """Frees all compiled programs if mappings are more than a share of what a process may have.

    What is called again is compiled again, or read from the cache of compilations.

    Returns:
      Whether they were freed.
    """
    if not _LIMIT.exists() or count_mappings() <= share * int(_LIMIT.read_text()):
        return False
    import jax

    # This alone unmaps them. Cycles are left to Python: late in a long process it looks at objects for seconds.
    jax.clear_caches()
    return True
