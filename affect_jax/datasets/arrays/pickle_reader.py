"""Reads pickles without running them: an interpreter of the instructions that make arrays, dicts, lists, tuples, text,
bytes and numbers, and of nothing else.

Python's own unpickler imports and calls whatever a file names. This one imports nothing and calls only the functions of
`pickled_arrays`; the first other name ends it. What is read takes about as much memory as the file, as numbers and
lengths in the file never reserve memory: large blocks of bytes stay in the file, which is mapped into memory.

All protocols (0 to 5), of Python 2 as of 3, are read. Text of Python 2 is taken as latin-1.
"""

import codecs
import dataclasses
import mmap
import pickletools
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from affect_jax.datasets.arrays import pickled_arrays
from affect_jax.datasets.arrays.pickled_arrays import Name, UnfinishedArray, UnfinishedType
from affect_jax.datasets.release_files import quote_values, require_file
from affect_jax.errors import UserError

MOST_STEPS = 20_000_000
"""Instructions of a file: a corpus of 23,000 utterances with an array for each modality has some 3 million."""


@dataclasses.dataclass
class _Machine:
    """What a pickle's instructions work on.

    Attributes:
      stacks: the stack, and those that marks put aside.
      memo: values by number.
    """

    stacks: list[list]
    memo: dict[int, Any]

    def pop_marked(self) -> list:
        """Takes what was put on the stack since the last mark."""
        items = self.stacks.pop()
        self.stacks[-1]  # the mark must have had a stack below it
        return items

    def remember(self, key: int) -> None:
        """Puts the last value into the memo."""
        value = self.memo[key] = self.stacks[-1][-1]
        if isinstance(value, UnfinishedArray):
            value.keys.append(key)


def read_pickle(path: Path) -> Any:
    """What a pickle holds: dicts, lists, tuples, text, bytes, numbers, None and arrays, which cannot be written to.

    Raises:
      UserError: the file names anything else, or is damaged.
    """
    require_file(path, "a pickle of arrays")
    try:
        with path.open("rb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of escapes in a damaged text
            return _interpret(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), path)
    except UserError:
        raise
    except (ValueError, IndexError, KeyError, TypeError, AttributeError, OverflowError, AssertionError) as error:
        reason = " ".join(str(error).split())[:120]
        raise UserError(
            f"{path} is not a whole pickle of arrays ({type(error).__name__}: {reason}); copy it again, or save the"
            " arrays with numpy.savez"
        ) from error


def _interpret(data: mmap.mmap, path: Path) -> Any:
    machine = _Machine([[]], {})
    for _ in range(MOST_STEPS):
        code = data.read(1)
        instruction = pickletools.code2op.get(code.decode("latin-1"))
        if instruction is None:
            raise ValueError(f"it ends early or has an unknown instruction at byte {data.tell()}")
        name = instruction.name
        if name == "STOP":
            return machine.stacks[-1].pop()
        if name in _BLOCKS:
            argument = _take_block(data, _BLOCKS[name])
        elif name == "STRING":
            argument = codecs.escape_decode(pickletools.read_stringnl(data, decode=False))[0].decode("latin-1")
        else:
            argument = instruction.arg.reader(data) if instruction.arg else None
        if name in ("GLOBAL", "STACK_GLOBAL"):
            _push_name(machine, argument, path)
        elif name in _VALUES:
            machine.stacks[-1].append(argument)
        elif name in _INSTRUCTIONS:
            _INSTRUCTIONS[name](machine, argument)
        else:
            raise UserError(_make_refusal(path, f"has the instruction {name}, which makes objects"))
    raise UserError(
        f"{path} has more than {MOST_STEPS:,} single values; save it with numpy.savez as arrays that are padded to one"
        " length"
    )


def _take_block(data: mmap.mmap, length_bytes: int) -> memoryview:
    """A block of bytes where it is, not copied."""
    size, begin = int.from_bytes(data.read(length_bytes), "little"), data.tell()
    if size > len(data) - begin:
        raise ValueError(f"{size} bytes are announced, {len(data) - begin} are there")
    data.seek(begin + size)
    return memoryview(data)[begin : begin + size]


def _push_name(machine: _Machine, argument: str | None, path: Path) -> None:
    stack = machine.stacks[-1]
    if argument is None:
        name, module = stack.pop(), stack.pop()
    else:
        module, _, name = argument.partition(" ")
    if (module, name) not in pickled_arrays.KNOWN:
        raise UserError(_make_refusal(path, f"holds {quote_values(f'{module}.{name}')}"))
    stack.append(Name("ndarray") if name == "ndarray" else pickled_arrays.CALLS[module, name])


def _make_refusal(path: Path, what: str) -> str:
    return (
        f"{path} {what}, and loading that could run code: only arrays, dicts, lists, text and numbers are read from a"
        " pickle; convert the rest to numpy arrays and save them with numpy.savez"
    )


def _call(machine: _Machine, _: None) -> None:
    stack = machine.stacks[-1]
    arguments, function = stack.pop(), stack.pop()
    if not callable(function) or not isinstance(arguments, tuple):
        raise ValueError("something is called that is no function")
    stack.append(function(*arguments))


def _build(machine: _Machine, _: None) -> None:
    stack = machine.stacks[-1]
    state, value = stack.pop(), stack.pop()
    if isinstance(value, UnfinishedType):
        # Several arrays may share the type, so that it is finished where it is.
        value.order = pickled_arrays.finish_type(value, state).order
        stack.append(value)
    elif isinstance(value, UnfinishedArray):
        array = pickled_arrays.finish_array(state)
        for key in value.keys:
            machine.memo[key] = array
        stack.append(array)
    else:
        raise ValueError("something is given a state that has none")


def _set_items(machine: _Machine, items: list) -> None:
    target = machine.stacks[-1][-1]
    if type(target) is not dict or len(items) % 2:
        raise ValueError("something that is no dict is given items")
    target.update(zip(items[::2], items[1::2], strict=True))


def _make_dict(items: list) -> dict:
    return dict(zip(items[::2], items[1::2], strict=True))


def _append(machine: _Machine, items: list) -> None:
    target = machine.stacks[-1][-1]
    if type(target) is not list:
        raise ValueError("something that is no list is given items")
    target.extend(items)


def _push(make: Callable[[_Machine], Any]) -> Callable[[_Machine, Any], None]:
    """An instruction that puts what `make` gives on the stack."""

    def instruction(machine: _Machine, _: Any) -> None:
        value = make(machine)
        machine.stacks[-1].append(value)

    return instruction


def _pop(machine: _Machine, count: int) -> list:
    stack = machine.stacks[-1]
    if len(stack) < count:
        raise ValueError("values are missing")
    items = stack[-count:]
    del stack[-count:]
    return items


def _pop_one(machine: _Machine, _: None) -> None:
    # A mark without values above it is taken off as if it were a value.
    if machine.stacks[-1]:
        machine.stacks[-1].pop()
    else:
        machine.pop_marked()


# Instruction -> bytes of the length before its block.
_BLOCKS = {"BINBYTES": 4, "BINBYTES8": 8, "BYTEARRAY8": 8}
# Instructions whose argument is the value.
_VALUES = {"INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT", "STRING", "BINSTRING"}
_VALUES |= {"SHORT_BINSTRING", "UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8", "SHORT_BINBYTES", *_BLOCKS}
_INSTRUCTIONS: dict[str, Callable[[_Machine, Any], None]] = {
    "PROTO": lambda machine, _: None,
    "FRAME": lambda machine, _: None,
    "MARK": lambda machine, _: machine.stacks.append([]),
    "POP": _pop_one,
    "POP_MARK": lambda machine, _: machine.pop_marked() and None,
    "DUP": _push(lambda machine: machine.stacks[-1][-1]),
    "NONE": _push(lambda machine: None),
    "NEWTRUE": _push(lambda machine: True),
    "NEWFALSE": _push(lambda machine: False),
    "EMPTY_LIST": _push(lambda machine: []),
    "EMPTY_TUPLE": _push(lambda machine: ()),
    "EMPTY_DICT": _push(lambda machine: {}),
    "LIST": _push(lambda machine: machine.pop_marked()),
    "TUPLE": _push(lambda machine: tuple(machine.pop_marked())),
    "TUPLE1": _push(lambda machine: tuple(_pop(machine, 1))),
    "TUPLE2": _push(lambda machine: tuple(_pop(machine, 2))),
    "TUPLE3": _push(lambda machine: tuple(_pop(machine, 3))),
    "DICT": _push(lambda machine: _make_dict(machine.pop_marked())),
    "APPEND": lambda machine, _: _append(machine, _pop(machine, 1)),
    "APPENDS": lambda machine, _: _append(machine, machine.pop_marked()),
    "SETITEM": lambda machine, _: _set_items(machine, _pop(machine, 2)),
    "SETITEMS": lambda machine, _: _set_items(machine, machine.pop_marked()),
    "PUT": lambda machine, key: machine.remember(key),
    "BINPUT": lambda machine, key: machine.remember(key),
    "LONG_BINPUT": lambda machine, key: machine.remember(key),
    "MEMOIZE": lambda machine, _: machine.remember(len(machine.memo)),
    "GET": lambda machine, key: machine.stacks[-1].append(machine.memo[key]),
    "BINGET": lambda machine, key: machine.stacks[-1].append(machine.memo[key]),
    "LONG_BINGET": lambda machine, key: machine.stacks[-1].append(machine.memo[key]),
    "REDUCE": _call,
    "BUILD": _build,
}
