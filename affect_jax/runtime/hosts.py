"""Several processes that train one study together: how they find each other, who writes, what they agree on.

Every process runs the same program over the whole mesh and has the same values on its host. The first one alone writes
(run folder, metrics, results; checkpoints are written by orbax, each process its part); the run folder is on a file
system that all of them see. One process is the usual case, in which nothing here costs anything.
"""

from collections.abc import Callable
from typing import TypeVar

import jax
import numpy as np
from jax.experimental import multihost_utils

from affect_jax.errors import UserError, first_line

T = TypeVar("T")
_LONGEST = 4000  # bytes of an error that are told to the other processes


def connect(how: str) -> None:
    """Joins this process with the others; to be called before anything asks jax for its devices.

    Args:
      how: 'auto' reads the scheduler's environment (SLURM, TPU pods, Open MPI, Kubernetes);
        'HOST:PORT,PROCESSES,PROCESS' names the first process' address, how many there are and which this one is;
        '' for one process.

    Raises:
      UserError: neither of the three, or no scheduler's environment is there, or the others cannot be reached.
    """
    if not how:
        return
    try:
        jax.distributed.initialize(*(() if how == "auto" else _parse(how)))
    except ValueError as error:
        raise UserError(
            f"--distributed={how} finds no scheduler's environment (SLURM, TPU, Open MPI, Kubernetes); "
            "name the processes: --distributed=HOST:PORT,PROCESSES,PROCESS"
        ) from error
    except RuntimeError as error:
        raise UserError(f"--distributed={how}: {first_line(error)}; are all processes running?") from error


def _parse(how: str) -> tuple[str, int, int]:
    """(address, processes, process) of 'HOST:PORT,PROCESSES,PROCESS'."""
    try:
        address, count, number = how.split(",")
        count, number = int(count), int(number)
    except ValueError:
        raise UserError(
            f"--distributed is {how!r}; use auto, or HOST:PORT,PROCESSES,PROCESS such as 10.0.0.1:8476,4,0"
        ) from None
    if not 0 <= number < count or ":" not in address:
        raise UserError(
            f"--distributed is {how!r}; the address is HOST:PORT and PROCESS is one of 0..{max(count - 1, 0)}"
        )
    return address, count, number


def is_leader() -> bool:
    """Whether this process is the one that writes."""
    return jax.process_index() == 0


def agree(*mine: bool) -> tuple[bool, ...]:
    """For each question whether any process says yes: the same answers in all of them."""
    if jax.process_count() == 1:
        return mine
    return tuple(bool(x) for x in multihost_utils.process_allgather(np.array(mine)).any(0))


def agree_on_least(mine: int) -> int:
    """The smallest of the processes' numbers."""
    return mine if jax.process_count() == 1 else int(multihost_utils.process_allgather(np.array(mine)).min())


def run_in_turn(work: Callable[[], T]) -> T:
    """Does `work` in the first process and then in the others: what the first one writes the others find.

    Raises:
      UserError: in all processes, where any of them raised it.
    """
    if jax.process_count() == 1:
        return work()
    result, wrong = None, ""
    for turn in (is_leader(), not is_leader()):
        if turn:
            try:
                result = work()
            except UserError as error:
                wrong = str(error)
        _raise_any(wrong)
    return result


def wait_for_all(name: str) -> None:
    """Until all processes are here."""
    if jax.process_count() > 1:
        multihost_utils.sync_global_devices(name)


def _raise_any(wrong: str) -> None:
    """Raises UserError in all processes where one has `wrong` to tell; every process must call it."""
    # An allgather needs one shape in all processes, so a message is a row of bytes with zeros behind it.
    mine = np.zeros(_LONGEST, np.uint8)
    told = np.frombuffer(wrong.encode()[:_LONGEST], np.uint8)
    mine[: len(told)] = told
    for number, line in enumerate(multihost_utils.process_allgather(mine)):
        message = bytes(line).rstrip(b"\0").decode(errors="ignore")
        if message:
            raise UserError(wrong or f"process {number}: {message}")
