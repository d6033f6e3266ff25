"""How every program here starts and fails: what a user can mend is one line on stderr and exit status 2."""

import errno
import os
import re
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from absl import app, flags, logging

from affect_jax.errors import UserError, first_line
from affect_jax.runtime import startup

# Of the system's errors, those that the user can mend; any other is a bug and keeps its traceback.
_MENDABLE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EACCES, errno.EPERM, errno.EROFS)
_STATUS = """Exit status: 0 done; 2 something that you can mend, which one line on stderr names; 1 anything else, with a
traceback that is worth reporting."""
_MISSING = re.compile(r"Flag --(\w+) must have a value other than None")
_NO_CONFIG = "Configuration is not available"
_NO_MEMORY = "RESOURCE_EXHAUSTED"  # what XLA's errors say where a device cannot hold an array


def run(main: Callable[[list[str]], Any]) -> NoReturn:
    """`absl.app.run` that ends with `error: ...` and status 2 where the user can mend it.

    That is: a UserError, wrong flags, a wrong config file or override, a full disk, a folder that is closed, a program
    that does not fit a device's memory.

    Args:
      main: gets the program's name and its positional arguments, after the flags are parsed.
    """

    startup.use_all_cores()
    startup.cache_compilations()
    program = sys.modules["__main__"]
    if program.__doc__:  # what --help prints
        program.__doc__ = f"{program.__doc__.rstrip()}\n\n{_STATUS}\n"

    def guarded(argv: list[str]) -> Any:
        if not flags.FLAGS["verbosity"].present:
            logging.set_verbosity(logging.WARNING)  # libraries tell much about themselves at INFO
        try:
            return main(argv)
        except UserError as error:
            fail(str(error))
        except BrokenPipeError:
            # The reader of our output is gone (`| head`): nothing is left to say, not even at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(1)
        except OSError as error:
            if str(error).startswith(_NO_CONFIG):  # raised at the first use of the flag's value
                fail(f"the config file cannot be loaded: {_last_line(error)}")
            if error.errno not in _MENDABLE:
                raise
            fail(f"{os.strerror(error.errno)}: {error.filename or 'while writing'}; free space or name another folder")
        except RuntimeError as error:
            if _NO_MEMORY not in str(error):
                raise
            fail(
                f"a device has no memory left ({first_line(error)}); give config.engine.trials_at_once or the stage's "
                "batch a smaller value, or leave a large corpus in its files with config.engine.stream=True; the same "
                "command then goes on from the last checkpoint"
            )

    app.run(guarded, flags_parser=_parse)


def no_arguments(argv: Sequence[str]) -> None:
    """Refuses words that are no flags, in programs that take none.

    Raises:
      UserError: there is one.
    """
    if argv[1:]:
        raise UserError(f"{argv[1]!r} is not a flag; --help lists the flags")


def fail(message: str) -> NoReturn:
    """Prints `error: message` on stderr and exits with status 2."""
    print(f"error: {message}", file=sys.stderr)
    sys.exit(2)


def _parse(argv: Sequence[str]) -> list[str]:
    try:
        return flags.FLAGS(list(argv))
    except SystemExit:  # --help was asked for and printed; absl calls that a failure
        sys.exit(0)
    except UserError as error:
        fail(str(error))
    except flags.Error as error:
        if "Traceback" not in str(error):
            missing = _MISSING.search(str(error))
            fail(f"--{missing[1]} is missing; --help has examples" if missing else f"{error}; --help lists the flags")
        # config_flags puts what get_config raised into the message, as text.
        kind, _, message = _last_line(error).partition(": ")
        if kind.rpartition(".")[2] not in ("ValueError", "UserError"):
            raise
        fail(message)
    except AttributeError as error:
        # An override of a setting that the config does not have; anything else is a bug in the config file.
        if not any(frame.filename.endswith("config_path.py") for frame in traceback.extract_tb(error.__traceback__)):
            raise
        what: Any = error
        while isinstance(what, BaseException):
            what = what.args[0]
        fail(f"the config has no setting {'; '.join(str(what).splitlines())}")


def _last_line(error: Exception) -> str:
    return str(error).strip().splitlines()[-1].strip()
