"""A program of launch/ in the process of a test."""

from absl import flags


def starter(program, monkeypatch):
    """What starts the module `program` with arguments, flags of its own."""

    def call(*arguments):
        values = flags.FlagValues()
        program.define_flags(values)
        argv = values([program.__name__, *map(str, arguments)])
        monkeypatch.setattr(program, "FLAGS", values)
        program.main(argv)

    return call
