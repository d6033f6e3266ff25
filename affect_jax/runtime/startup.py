"""What must be in the environment before jax is imported. Imports nothing that imports jax or scipy."""

import contextlib
import ctypes
import gc
import os
import sys
import zlib
from pathlib import Path
from typing import Any


def use_all_cores() -> None:
    """Settings for a CPU: one single-threaded virtual device a core. What is already set stays.

    jax takes Cholesky factors and eigenvectors on a CPU from scipy's OpenBLAS, whose own threads spin between calls:
    with several, a deep CCA at SEW's sizes took 18 ms of processor time a step, with one 1 ms.
    """
    use_one_device()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    flags = os.environ.get("XLA_FLAGS", "")
    for flag, value in (
        ("xla_force_host_platform_device_count", str(cores)),
        ("xla_cpu_multi_thread_eigen", "false"),
    ):
        if flag not in flags:
            flags += f" --{flag}={value}"
    os.environ["XLA_FLAGS"] = flags.strip()


def use_one_device() -> None:
    """Settings for a CPU as one device with a thread a core, for programs that run one network on batch after batch."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    _keep_freed_memory()
    # Tracing makes objects by the hundred thousand, and most of them stay: looking through them for cycles every 700
    # objects took SEW .7 s of processor time before its first epoch; now it takes .2.
    gc.set_threshold(50_000, 20, 100)


def _keep_freed_memory() -> None:
    """Has glibc keep what is freed instead of handing it back to the system at once.

    XLA's temporaries on a CPU come and go with every step: fetching fresh pages for them took a fifth of SeqSEW's time
    (21 % of all processor time in the kernel; 3 % with this). Fusion's are larger than 32 MB, which glibc maps anew
    every time unless mapping is off. Elsewhere than on glibc, nothing is done.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt:
        trim_threshold, top_pad, mmap_max = -1, -2, -4  # malloc.h
        mallopt(mmap_max, 0)
        mallopt(trim_threshold, 2**31 - 1)
        mallopt(top_pad, 1 << 26)


def cache_compilations() -> None:
    """Keeps compiled programs in the user's cache folder, so that a second run starts at once."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(home / "affect_jax" / "compiled"))
    _remove_cut_programs(Path(os.environ["JAX_COMPILATION_CACHE_DIR"]))
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.5")
    # Of every program that it takes from there XLA warns ("Assume version compatibility") and, with AVX-512, reports
    # an error: it takes a preference for a missing instruction (https://github.com/openxla/xla/issues/44565).
    # What really fails is an exception all the same.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def _remove_cut_programs(cache: Path) -> None:
    """Removes the compiled programs that a killed process, or a full disk, has left half-written.

    jax writes them in place and never writes one again that is there, so every later start would warn of it and compile
    anew. What was looked at once is not looked at again; one that another process writes just now it compiles again.
    """
    seen = cache / ".seen"
    try:
        last = seen.stat().st_mtime_ns if seen.exists() else 0
        # Before looking, so that what is written meanwhile is looked at the next time.
        seen.touch()
        for entry in os.scandir(cache):
            if entry.name.endswith("-cache") and entry.stat().st_mtime_ns >= last and _is_cut(Path(entry.path)):
                os.unlink(entry.path)
    except OSError:
        return  # no cache yet, or one that only others may write


def _is_cut(program: Path) -> bool:
    """Whether a compressed file ends too early; False for a compression that is not jax's, or not to be had here."""
    data = program.read_bytes()
    if not data:
        return True
    unpacked = _make_decompressor(data)
    if unpacked is None:
        return False
    try:
        unpacked.decompress(data)
    except Exception:  # every compression has an error of its own
        return True
    return not unpacked.eof


def _make_decompressor(data: bytes) -> Any:
    """What reads `data` of the compressions that jax chooses from, None where there is none."""
    if data[0] == 0x78:
        return zlib.decompressobj()
    if data.startswith(b"\x28\xb5\x2f\xfd"):  # Zstandard, RFC 8878
        with contextlib.suppress(ImportError):
            from compression.zstd import ZstdDecompressor  # Python 3.14 and newer

            return ZstdDecompressor()
        with contextlib.suppress(ImportError):
            import zstandard

            return zstandard.ZstdDecompressor().decompressobj()
    return None
