"""What cannot be pickled, and what to do instead: said in words, not by the first lock that pickle meets."""


def no_pickle(what: object, instead: str) -> TypeError:
    """Give the error for an object that cannot be pickled or copied; `instead` says what to do."""
    return TypeError(f"a {type(what).__name__} can be neither pickled nor copied: {instead}")
