"""No clock decides: not this machine's, nor the one that dates a server's answers, nor both beside each other."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from conftest import Place
from support.samples import contents, put_journaled, put_new
from support.watched import Answer, Gated, Watched, on

from flashflood.records import ledger
from flashflood.store import Page


class Misdated(Watched):
    """A store whose answers are dated by another clock than its objects, as behind a load balancer."""

    ahead = timedelta(days=3)

    def request(self, _method: str, _key: str, send: Callable[[], Answer], /) -> Answer:
        return send()

    def list(self, prefix: str, after: str | None = None, /) -> Page:
        page = super().list(prefix, after)
        return page._replace(date=page.date + self.ahead)


@pytest.mark.parametrize("place", ["folder", "moto"], indirect=True)
def test_what_died_a_moment_ago_is_no_garbage_whatever_date_the_answers_have(place: Place) -> None:
    ff = place.open()
    data = put_journaled(ff, "a", "b", "c")
    ff.update_event("a", b"new")
    ff.update(None)
    assert on(Misdated(place.store())).collect_garbage() == 0
    assert contents(ff.replay()) == data | {"a": b"new"}


@pytest.mark.parametrize("place", ["folder"], indirect=True)
@pytest.mark.parametrize("requests", [5, 10, 15])
def test_a_combination_under_way_is_not_taken_for_one_left_behind_whatever_date_the_answers_have(
    place: Place, requests: int
) -> None:
    put_new(place.open(), "a", "b", "c")
    writer = Gated(place.store(), lambda client: client.combine_journals(list(client.journal_ids())))
    try:
        writer.let(requests)
        under_way = ledger.read(on(place.store())._ctx)  # noqa: SLF001 - the ledger has no public way
        on(Misdated(place.store())).update(None)
        assert [open_.entry for open_ in ledger.read(on(place.store())._ctx)] == [  # noqa: SLF001
            open_.entry for open_ in under_way
        ]
    finally:
        writer.close()
