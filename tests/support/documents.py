"""Documents in a store that `filter`, `select` and `search` are tried on, and a function of the user's own."""

import json

import jmespath

from flashflood import FlashFlood
from support.samples import at

SMALL = 8_000
"""A memory budget that makes windows of a thousand bytes."""


class Functions(jmespath.functions.Functions):  # type: ignore[misc]  # jmespath has no types
    """A function of the user's own."""

    @jmespath.functions.signature({"types": ["number"]})  # type: ignore[untyped-decorator]
    def _func_double(self, number: float) -> float:
        return 2 * number


OWN = jmespath.Options(custom_functions=Functions())


def put_documents(ff: FlashFlood, *documents: object, journaled: bool = True) -> None:
    ff.put_many(
        (json.dumps(document), f"{number:03}", at(number)) for number, document in enumerate(documents, start=1)
    )
    if journaled and len(documents) < 100:
        ff.journal(minimum_number_of_events=len(documents))
