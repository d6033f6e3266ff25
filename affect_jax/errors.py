"""The one error that a user can cause and mend."""


class UserError(Exception):
    """Bad input from outside: a file, a config value, a run folder.

    The message is one sentence that says what was found, what was expected and what to do.
    `launch` prints it after `error: ` and exits with status 2; anything else is a bug and keeps its traceback.
    """
