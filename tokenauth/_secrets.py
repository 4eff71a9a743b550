"""What a pickle names that a version before 0.1 has made. It is refused: it holds a description in an older form."""

import pickle


def __getattr__(name: str) -> object:
    if name.startswith("__"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    raise pickle.UnpicklingError(
        "This pickle of a tokenauth object was made by an older version of tokenauth, whose form can't be read any "
        "more. Make the object anew from its arguments, and pickle that"
    )
