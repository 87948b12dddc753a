"""What cannot be pickled, and what to do instead. Without this, the error would only name a lock inside the object."""


def no_pickle(what: object, instead: str) -> TypeError:
    """Give the error for an object that cannot be pickled or copied; `instead` says what to do."""
    return TypeError(f"a {type(what).__name__} can be neither pickled nor copied: {instead}")
