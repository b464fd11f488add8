"""The one error a user is meant to read."""


class InputError(ValueError):
    """Something the user gave cannot be used: a table, a column, a config value.

    The message names what was found, what was expected and what to do next. Whoever catches it
    shows the message alone; any other exception is a fault of ours and is shown with its traceback.
    """
