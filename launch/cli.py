"""How every program here starts and fails: what a user can mend is one line on stderr and exit status 2."""

import errno
import io
import os
import re
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from absl import app, flags, logging

from affect_jax.errors import UserError, first_line, suggest_nearest
from affect_jax.runtime import startup
from launch.config_errors import describe_bad_value, describe_unknown_setting
from launch.tuples import accept_both_spellings

CONFIGS = Path(__file__).resolve().parents[1] / "configs"
"""The configs that come with the package: beside launch/, in a checkout and where it is installed."""
console_command = ""
"""`affect-jax` where that command started this program: help then shows its spelling of the commands."""

# Of the system's errors, those that the user can mend; any other is a bug and keeps its traceback.
_MENDABLE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EACCES, errno.EPERM, errno.EROFS)
_STATUS = """Exit status: 0 for success; 2 for something that you can mend, which one line on stderr names; 1 for
anything else, with a traceback that is worth reporting."""
_MISSING = re.compile(r"Flag --(\w+) must have a value other than None")
_NO_CONFIG = "Configuration is not available"
_NO_MEMORY = "RESOURCE_EXHAUSTED"  # what XLA's errors say where a device cannot hold an array


def run(main: Callable[[list[str]], Any], *, trains: bool = True) -> NoReturn:
    """Runs `main` under `absl.app.run`, and ends with `error: ...` and status 2 where the user can mend the cause.

    Users can mend: a UserError, wrong flags, a wrong config file or override, a full disk, a folder that may not be
    written, a program that does not fit into a device's memory.

    Args:
      main: receives the program's name and its positional arguments after the flags are parsed.
      trains: whether it runs many trials, each on a core, and not one network at a time on all cores.
    """

    for stream in (sys.stdout, sys.stderr):
        # Names of files are bytes and need not be text, and no terminal's encoding has all characters.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    if trains:
        startup.use_all_cores()
    else:
        startup.use_one_device()
    startup.cache_compilations()
    accept_both_spellings()
    program = sys.modules["__main__"]
    if program.__doc__:  # what --help prints
        program.__doc__ = f"{_spell_commands(program.__doc__.rstrip())}\n\n{_STATUS}\n"

    def run_guarded(argv: list[str]) -> Any:
        if not flags.FLAGS["verbosity"].present:
            logging.set_verbosity(logging.WARNING)  # at INFO, libraries talk about themselves
        try:
            return main(argv)
        except UserError as error:
            fail(str(error))
        except BrokenPipeError:
            # The reader of our output is gone (`| head`), so nothing may be written any more, not even at exit.
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
                "command then continues from the last checkpoint"
            )

    app.run(run_guarded, flags_parser=_parse)


def refuse_arguments(argv: Sequence[str]) -> None:
    """Refuses positional arguments, in programs that take none.

    Raises:
      UserError: there is a word that is not a flag.
    """
    if argv[1:]:
        raise UserError(f"{argv[1]!r} is not a flag; --help lists the flags")


def fail(message: str) -> NoReturn:
    """Prints `error: message` on stderr and exits with status 2."""
    print(f"error: {message}", file=sys.stderr)
    # After a write that failed, orbax' event loop may complain while it is collected at exit: nothing follows ours.
    sys.unraisablehook = lambda _: None
    sys.exit(2)


def locate_config(config_arg: str) -> str:
    """Finds the file of a config: `sew:arousal,geo+audio` -> `/.../configs/sew.py:arousal,geo+audio`.

    A path that exists is taken as it is. Otherwise a name, with or without `configs/` and `.py`, means a config that
    comes with the package, from whatever folder the program is started in.

    Args:
      config_arg: the value of --config, a path or a name, then perhaps a colon and the config's argument.

    Raises:
      UserError: there is neither such a file nor such a config.
    """
    name, colon, argument = config_arg.partition(":")
    if Path(name).is_file():
        return config_arg
    path, names = Path(name), list_configs()
    packaged = path.as_posix().removeprefix("configs/").removesuffix(".py")
    if packaged in names:
        return f"{CONFIGS / packaged}.py{colon}{argument}"
    raise UserError(
        f"--config names {name!r}, which is neither a file nor a config of affect_jax"
        f"{suggest_nearest(path.stem, names)}; give the path of a file or one of {', '.join(names)}"
    )


def list_configs() -> list[str]:
    """Lists the packaged configs, the files of configs/ that define an experiment: `sew`, `recipes/ravdess_audio`."""
    files = [file for file in CONFIGS.rglob("*.py") if "\ndef get_config(" in file.read_text(encoding="utf-8")]
    return sorted(file.relative_to(CONFIGS).with_suffix("").as_posix() for file in files)


def name_config(config_arg: str) -> str:
    """Names a config for the record: a file of the package is `configs/sew.py:...` wherever it is installed.

    Args:
      config_arg: a value of --config or of `locate_config`.
    """
    name, colon, argument = config_arg.partition(":")
    path = Path(name)
    if name and path.resolve().is_relative_to(CONFIGS):
        return f"configs/{path.resolve().relative_to(CONFIGS).as_posix()}{colon}{argument}"
    return config_arg


def _spell_commands(text: str) -> str:
    """Replaces `python -m launch.main` by `affect-jax train`, and so on, where the user types the latter."""
    if not console_command:
        return text
    text = text.replace("python -m launch.main", f"{console_command} train")
    return re.sub(r"python -m launch\.(\w+)", rf"{console_command} \1", text)


def _locate_configs(argv: Sequence[str]) -> list[str]:
    """Replaces the value of --config by the path of its file, in `--config=NAME` and in `--config NAME`."""
    words = list(argv)
    for index, word in enumerate(words):
        if word == "--":
            break
        if config := re.fullmatch(r"(--?config=)(.+)", word):
            words[index] = config[1] + locate_config(config[2])
        elif index and re.fullmatch(r"--?config", words[index - 1]) and not word.startswith("-"):
            words[index] = locate_config(word)
    return words


def _parse(argv: Sequence[str]) -> list[str]:
    try:
        return flags.FLAGS(_locate_configs(argv) if "config" in flags.FLAGS else list(argv))
    except SystemExit:  # absl has printed the help that was asked for, and calls that a failure
        sys.exit(0)
    except UserError as error:
        fail(str(error))
    except flags.Error as error:
        if "Traceback" not in str(error):
            missing = _MISSING.search(str(error))
            fail(f"--{missing[1]} is missing; --help has examples" if missing else describe_bad_value(str(error)))
        # config_flags puts what get_config raised into the message, as text.
        kind, _, message = _last_line(error).partition(": ")
        if kind.rpartition(".")[2] not in ("ValueError", "UserError"):
            raise
        fail(message)
    except (AttributeError, KeyError) as error:
        # An override of a setting that the config does not have; anything else is a bug in the config file.
        if not any(frame.filename.endswith("config_path.py") for frame in traceback.extract_tb(error.__traceback__)):
            raise
        unknown = _find_removed(argv) or describe_unknown_setting(_locate_configs(argv))
        fail(unknown or f"the config has no setting {_unwrap_message(error)}")


def _unwrap_message(error: BaseException) -> str:
    """What ml_collections says of a missing key, which it wraps in errors of errors."""
    message: Any = error
    while isinstance(message, BaseException):
        message = message.args[0]
    return "; ".join(str(message).splitlines())


def _find_removed(argv: Sequence[str]) -> str:
    """A sentence about the first flag of a setting that configs had under another name; '' where there is none."""
    from affect_jax.config.removed import find_replacement

    for word in argv:
        path = word.removeprefix("--").partition("=")[0]
        replacement = find_replacement(path) if path.startswith("config.") else None
        if replacement:
            return f"the config has no setting {path!r} any more; {replacement}"
    return ""


def _last_line(error: Exception) -> str:
    return str(error).strip().splitlines()[-1].strip()


def list_given(flag: Any) -> set[str]:
    """Dotted paths of the config that flags set, such as `stages.fit.epochs`."""
    values: Mapping[str, Any] = flag.override_values
    return {path.removeprefix(f"{flag.name}.") for path in values}
