"""The module that pickles from before 0.1 refer to. They are rejected: they hold descriptions in an older form."""

import pickle


def __getattr__(name: str) -> object:
    if name.startswith("__"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    raise pickle.UnpicklingError(
        "This pickle of a tokenauth object was made by an older version of tokenauth, whose form can't be read any "
        "more. Make the object again from its arguments, and pickle that"
    )
