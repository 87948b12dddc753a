"""Ctrl-C while a writer makes `put` wait."""

import signal
import time
from datetime import timedelta
from itertools import count
from threading import Thread, get_ident

import pytest
from conftest import Place
from support.samples import contents
from support.watched import Gate, on

from flashflood import Writer
from flashflood.write import put_many


@pytest.mark.parametrize("place", ["folder"], indirect=True)
def test_ctrl_c_while_put_waits_gives_up_that_event_and_no_other(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(put_many, "LARGEST_BATCH", 1)
    gate = Gate(place.store())
    taken: list[str] = []

    def put_until_interrupted(writer: Writer) -> None:
        for number in count():
            writer.put(b"", str(number))
            taken.append(str(number))

    def interrupt() -> None:
        before = -1
        while before != len(taken):
            before = len(taken)
            time.sleep(0.2)
        signal.pthread_kill(main, signal.SIGINT)

    main = get_ident()
    former = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
    interrupting = Thread(target=interrupt)
    with on(gate).writer(linger=timedelta(0)) as writer:
        interrupting.start()
        with pytest.raises(KeyboardInterrupt):
            put_until_interrupted(writer)
        gate.opened.set()
        writer.put(b"", "after it").result(60)
    interrupting.join()
    signal.signal(signal.SIGINT, former)
    assert taken
    assert sorted(contents(place.open().replay())) == sorted([*taken, "after it"])
