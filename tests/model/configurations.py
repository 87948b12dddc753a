"""The configurations that are run exhaustively: each is a race that has broken an earlier version, or could."""

from __future__ import annotations

from .store import COMBINED
from .world import Configuration, Stored

A = Stored("a", "a0", 1, "A")
B = Stored("b", "b0", 1, "B")
Z = Stored("z", "z0", 1, "Z")
LATER_B = Stored("b", "b0", 2, "B")
C = Stored("c", "c0", 3, "C")
EARLY_C = Stored("c", "c0", 2, "C")
JOURNALED = tuple(one._replace(version=COMBINED) for one in (A, LATER_B, C))

PUT_1 = ("put", "a", "v1", 1)
PUT_2 = ("put", "a", "v2", 1)
PUT_3 = ("put", "a", "v3", 1)
UPDATE_1 = ("update_event", "a", "a1")
UPDATE_2 = ("update_event", "a", "a2")
DELETE = ("delete_event", "a")
GET = ("get", "a")
JOURNAL = ("journal",)
COMPACT = ("compact",)
JOURNAL_FIRST = ("journal", 0, 0, 1)
JOURNAL_FIRST_TWO = ("journal", 0, 0, 2)
JOURNAL_FROM_SECOND = ("journal", 0, 1)
UPDATE = ("update",)
UPDATE_SOME = ("update_some",)
RECOVER = ("recover",)
REPLAY = ("replay",)
PART = ("replay_part", 1)
LIST = ("list_journals",)
STREAMS = ("list_event_streams",)
COLLECT = ("collect_garbage",)
BATCH = ("put_many", (("a", "ma", 1), ("b", "mb", 2)))
WIDE_BATCH = ("put_many", (("a", "ma", 1), ("c", "mc", 3)))
PUT_D = ("put", "d", "d1", 3)
TICK = ("tick",)
FOLLOW = ("follow", (2, 3))
FOLLOW_ONE_DATE = ("follow", (1, 2))
FOLLOW_NEAR = ("follow", (2, -3, 3))
FOLLOW_THREE_TIMES = ("follow", (3, 3, 3), True)
FOLLOW_BY_ONE = ("follow", (2, 3), True)
COPY = ("follow_changes", (2, 3))
COPY_BY_ONE = ("follow_changes", (2, 3), True)
COPY_ONE_DATE = ("follow_changes", (1, 2))
COPY_NEAR = ("follow_changes", (2, -3, 3))
COPY_SECOND = ("follow_changes", (0, 2))
PUT_LATER = ("put", "a", "v2", 2)
OTHER_BATCH = ("put_many", (("b", "nb", 2), ("c", "nc", 3)))

SMALL = {
    "race-put": Configuration(((PUT_1,), (PUT_2,), (GET,)), crashes=1),
    "put-put-journal": Configuration(((PUT_1,), (PUT_2,), (JOURNAL,)), crashes=1),
    "put-put-journal-gc": Configuration(((PUT_1,), (PUT_2,), (JOURNAL, COLLECT)), collects=True),
    "del-del-reput": Configuration(((DELETE,), (DELETE, PUT_2), (PUT_3,)), (A,), after={2: (0, 1)}),
    "del-reput-journal": Configuration(((JOURNAL,), (DELETE, PUT_2, GET)), (A,), crashes=1),
    "put-del-reput-new": Configuration(((PUT_1,), (DELETE, PUT_2), (PUT_3,)), crashes=1, after={2: (0, 1)}),
    "put-del-reput": Configuration(((PUT_1,), (DELETE, PUT_2), (PUT_3,)), (A,), crashes=1, after={2: (0, 1)}),
    "journal-journal": Configuration(((JOURNAL,), (JOURNAL,)), (A, B), crashes=1),
    "journal-share": Configuration(((JOURNAL_FIRST_TWO,), (JOURNAL_FROM_SECOND,)), (A, LATER_B, C), crashes=1),
    "journal-upd": Configuration(((JOURNAL,), (UPDATE_1, GET)), (A,), crashes=1),
    "journal-gc-upd": Configuration(((JOURNAL, UPDATE, COLLECT), (UPDATE_1, GET)), (A,), collects=True),
    "journal-some-gc": Configuration(((JOURNAL, UPDATE_SOME, COLLECT), (UPDATE_1, GET)), (A,), collects=True),
    "journal-del": Configuration(((JOURNAL,), (DELETE, GET)), (A,), crashes=1),
    "delete-update-gc": Configuration(((DELETE, UPDATE, COLLECT), (COLLECT,)), (A, B), crashes=1, collects=True),
    "journal-gc-gc": Configuration(((JOURNAL, COLLECT, UPDATE_1, UPDATE, COLLECT),), (A, B), crashes=2, collects=True),
    "journal-gc-del": Configuration(((JOURNAL, COLLECT), (DELETE,)), (A,), crashes=1, collects=True),
    "fence-gc": Configuration(((JOURNAL,), (RECOVER, COLLECT), (JOURNAL,)), (A,), after={2: (1,)}, collects=True),
    "replay-journal": Configuration(((JOURNAL,), (REPLAY,)), (A, B), crashes=1),
    "replay-journal-gc": Configuration(((JOURNAL, COLLECT), (REPLAY,)), (A, B, EARLY_C), crashes=1, collects=True),
    "replay-put-journal": Configuration(((("put", "c", "c1", 1),), (REPLAY,), (JOURNAL,)), (A, LATER_B), crashes=1),
    "replay-torn": Configuration(((JOURNAL,), (REPLAY,)), (A, B, EARLY_C), crashes=1, torn=True),
    "list-journal": Configuration(((JOURNAL,), (LIST,)), (A, LATER_B, C), crashes=1),
    "list-torn": Configuration(((JOURNAL,), (LIST,)), (A, B, EARLY_C), torn=True),
    "streams-journal": Configuration(((JOURNAL,), (STREAMS,)), (A, LATER_B, C), crashes=1),
    "streams-torn": Configuration(((JOURNAL,), (STREAMS,)), (A, B, EARLY_C), crashes=1, torn=True),
    "replay-ahead": Configuration(((JOURNAL,), (REPLAY,)), (A, LATER_B, C), crashes=1, ahead=(3, 2)),
    "replay-ahead-del": Configuration(((DELETE, JOURNAL), (REPLAY,)), (A, LATER_B, C), ahead=(3, 2)),
    "replay-ahead-gc": Configuration(((JOURNAL, COLLECT), (REPLAY,)), (A, B, EARLY_C), collects=True, ahead=(2, 1)),
    "list-ahead": Configuration(((JOURNAL,), (LIST,)), (A, LATER_B, C), crashes=1, ahead=(3, 2)),
    "list-ahead-del": Configuration(((DELETE, JOURNAL), (LIST,)), (A, LATER_B, C), ahead=(3, 2)),
    "streams-ahead": Configuration(((JOURNAL,), (STREAMS,)), (A, LATER_B, C), crashes=1, ahead=(3, 2)),
    "part-journal": Configuration(((JOURNAL,), (PART,)), (A, LATER_B, C), crashes=1),
    "part-journal-gc": Configuration(((JOURNAL, COLLECT), (PART,)), (A, LATER_B, C), crashes=1, collects=True),
    "part-ahead": Configuration(((JOURNAL,), (PART,)), (A, LATER_B, C), crashes=1, ahead=(3, 2)),
    "part-compact": Configuration(((COMPACT,), (PART,)), JOURNALED, crashes=1),
    "part-compact-del": Configuration(((DELETE, COMPACT), (PART,)), (JOURNALED[0], B, JOURNALED[2]), crashes=1),
    "compact-compact": Configuration(((COMPACT,), (COMPACT,)), JOURNALED[:2], crashes=1),
    "compact-upd": Configuration(((COMPACT,), (UPDATE_1, GET)), JOURNALED[:2], crashes=1),
    "compact-del": Configuration(((COMPACT,), (DELETE, PUT_2, GET)), JOURNALED[:2]),
    "compact-update": Configuration(((COMPACT,), (UPDATE_1, UPDATE, GET)), JOURNALED[:2]),
    "compact-gc-del": Configuration(((COMPACT, COLLECT), (DELETE,)), JOURNALED[:2], crashes=1, collects=True),
    "replay-compact": Configuration(((COMPACT,), (REPLAY,)), JOURNALED, crashes=1),
    "replay-compact-gc": Configuration(((COMPACT, COLLECT), (REPLAY,)), JOURNALED, crashes=1, collects=True),
    "replay-compact-ahead": Configuration(((COMPACT,), (REPLAY,)), JOURNALED, crashes=1, ahead=(3, 2)),
    "replay-compact-del": Configuration(
        ((DELETE, COMPACT), (REPLAY,)), (JOURNALED[0], B, JOURNALED[2]), crashes=1, ahead=(2, 1)
    ),
    "list-compact": Configuration(((COMPACT,), (LIST,)), JOURNALED, crashes=1),
    "streams-compact": Configuration(((COMPACT,), (STREAMS,)), JOURNALED, crashes=1),
    "many-claims-gc": Configuration(
        ((BATCH,), (PUT_1,), (COLLECT, PUT_2)), (B,), crashes=1, after={1: (0,), 2: (0,)}, collects=True
    ),
    "many-get-del": Configuration(((BATCH,), (DELETE, PUT_2)), crashes=1),
    "put-twice": Configuration(((PUT_1,), (UPDATE_1, JOURNAL)), repeats=1),
    "put-twice-del": Configuration(((PUT_1,), (DELETE, PUT_2)), repeats=1),
    "journal-twice": Configuration(((JOURNAL,), (UPDATE_1, GET)), (A,), crashes=1, repeats=1),
    "delete-twice": Configuration(((DELETE, PUT_2), (JOURNAL,)), (A,), repeats=1),
    "journal-slow": Configuration(((JOURNAL,), (UPDATE_1,), (UPDATE_2, GET)), (A,), after={2: (1,)}, slow="R"),
    "follow-put": Configuration(((PUT_1, TICK), (FOLLOW_BY_ONE,)), (LATER_B,), crashes=1, lagging="P"),
    "follow-journal": Configuration(((PUT_1,), (JOURNAL, TICK), (FOLLOW,)), (LATER_B,), lagging="Q"),
    "follow-put-journal": Configuration(
        ((PUT_1, JOURNAL, TICK), (FOLLOW_BY_ONE,)), (LATER_B, EARLY_C), crashes=1, lagging=""
    ),
    "follow-many": Configuration(((WIDE_BATCH, TICK), (TICK,), (FOLLOW_BY_ONE,)), (LATER_B,), lagging="P"),
    "follow-late-batch": Configuration(((BATCH,), (("put", "d", "d1", 1),), (FOLLOW_THREE_TIMES,)), (C,), lagging=""),
    "follow-many-journal": Configuration(((WIDE_BATCH, JOURNAL, TICK), (FOLLOW_BY_ONE,)), (LATER_B,), lagging=""),
    "follow-compact": Configuration(((PUT_1, JOURNAL, COMPACT, TICK), (FOLLOW,)), JOURNALED[1:], lagging=""),
    "follow-upd": Configuration(((UPDATE_1, UPDATE, TICK), (FOLLOW,)), JOURNALED[:2], crashes=1, lagging=""),
    "follow-del-reput": Configuration(((JOURNAL, DELETE, PUT_2, TICK), (FOLLOW_ONE_DATE,)), (A,), lagging=""),
    "follow-gc": Configuration(
        ((PUT_1, JOURNAL, TICK, TICK, COLLECT), (FOLLOW,)), (LATER_B,), collects=True, lagging=""
    ),
    "follow-torn": Configuration(((PUT_1, JOURNAL, TICK), (FOLLOW,)), (LATER_B,), torn=True, lagging=""),
    "follow-near": Configuration(((PUT_1, JOURNAL, TICK), (FOLLOW_NEAR,)), (LATER_B,), lagging="P"),
    "follow-near-many": Configuration(
        ((WIDE_BATCH,), (PUT_D, TICK), (FOLLOW_NEAR,)), (LATER_B,), after={1: (0,), 2: (0,)}, lagging="Q"
    ),
    "follow-skew": Configuration(((PUT_1, TICK), (JOURNAL, TICK), (FOLLOW,)), after={1: (0,)}, lagging="P"),
    "copy-upd": Configuration(((UPDATE_1, TICK), (COPY_BY_ONE,)), (A,), crashes=1, lagging="P"),
    "copy-del": Configuration(((DELETE, TICK), (COPY_ONE_DATE,)), (A,), crashes=1, lagging="P"),
    "copy-update": Configuration(((UPDATE_1, UPDATE, TICK), (COPY,)), JOURNALED[:2], lagging=""),
    "copy-del-reput": Configuration(((DELETE, PUT_2, TICK), (COPY_ONE_DATE,)), (A,), lagging=""),
    "copy-before-turn": Configuration(((UPDATE_1, JOURNAL, TICK), (COPY_SECOND,)), (A,), lagging=""),
    "copy-put-upd": Configuration(((PUT_1, UPDATE_1, TICK), (COPY_BY_ONE,)), (LATER_B,), crashes=1, lagging="P"),
    "copy-put-del": Configuration(((PUT_1, DELETE, JOURNAL), (COPY_ONE_DATE,)), lagging="P"),
    "copy-reput-del": Configuration(((DELETE, PUT_2, DELETE, TICK), (COPY_ONE_DATE,)), (A,), lagging=""),
    "copy-moved-reput": Configuration(((DELETE, PUT_LATER, UPDATE_1, TICK), (COPY_ONE_DATE,)), (A,), lagging=""),
    "copy-twice": Configuration(((UPDATE_1, UPDATE_2, TICK), (COPY_ONE_DATE,)), (A,), repeats=1, lagging="P"),
    "copy-near": Configuration(((UPDATE_1, JOURNAL, TICK), (COPY_NEAR,)), (LATER_B, A), lagging="P"),
    "copy-gc": Configuration(
        ((UPDATE_1, JOURNAL, TICK, TICK, COLLECT), (COPY_ONE_DATE,)), (A,), collects=True, lagging=""
    ),
    "copy-journal-upd": Configuration(((JOURNAL, TICK), (UPDATE_1,), (COPY_ONE_DATE,)), (A,), lagging=""),
}

LARGE = {
    "race-put3": Configuration(((PUT_1,), (PUT_2,), (PUT_3,)), crashes=2),
    "help-aba": Configuration(((PUT_1, JOURNAL), (PUT_2,), (PUT_3,))),
    "many-put-gc": Configuration(((BATCH,), (("put", "b", "v2", 2),), (COLLECT, PUT_2)), crashes=1, collects=True),
    "many-crash-gc": Configuration(((BATCH,), (PUT_1, COLLECT), (PUT_2, DELETE)), crashes=1, collects=True),
    "journal-share-upd": Configuration(((JOURNAL_FIRST,), (JOURNAL,), (UPDATE_1,)), (A, B)),
    "journal-share3": Configuration(((JOURNAL_FIRST,), (JOURNAL_FROM_SECOND,), (JOURNAL_FIRST_TWO,)), (A, B, C)),
    "journal-share-rec": Configuration(
        ((JOURNAL_FIRST, JOURNAL_FIRST), (JOURNAL_FROM_SECOND,), (RECOVER,)), (A, B), crashes=1
    ),
    "journal-share-replay": Configuration(((JOURNAL_FIRST,), (JOURNAL_FROM_SECOND,), (REPLAY,)), (A, LATER_B, C)),
    "journal3": Configuration(((JOURNAL,), (JOURNAL,), (RECOVER,)), (A, B), crashes=1),
    "journal-upd-upd": Configuration(((JOURNAL,), (UPDATE_1, GET), (UPDATE_2, UPDATE)), (A,)),
    "journal-update-upd": Configuration(((JOURNAL, UPDATE), (UPDATE_1, UPDATE_2)), (A, B), crashes=1),
    "journal-some-upd": Configuration(((JOURNAL, UPDATE_SOME), (UPDATE_1, UPDATE_2)), (A, B), crashes=1),
    "journal-some-del": Configuration(((JOURNAL, UPDATE_SOME), (DELETE, GET)), (A, B), crashes=1),
    "journal-recover-upd": Configuration(((JOURNAL,), (RECOVER,), (UPDATE_1,)), (A,), crashes=1),
    "del-journal-crash": Configuration(((DELETE, JOURNAL), (GET,), (RECOVER,)), (A,), crashes=1),
    "upd-del": Configuration(((UPDATE_1,), (DELETE,), (UPDATE, JOURNAL)), (A,), crashes=1),
    "upd-del-rec": Configuration(((JOURNAL,), (DELETE,), (RECOVER,)), (A,), crashes=1),
    "jr-chain": Configuration(((JOURNAL,), (UPDATE_1, UPDATE), (RECOVER,)), (A, B), crashes=1),
    "ledger-aba": Configuration(((JOURNAL, JOURNAL), (RECOVER,), (("put", "b", "b1", 1), JOURNAL)), (A,)),
    "replay-journal2": Configuration(((JOURNAL, UPDATE), (REPLAY,), (("update_event", "b", "b1"),)), (A, LATER_B, C)),
    "replay-ahead2": Configuration(
        ((JOURNAL, UPDATE), (REPLAY,), (("update_event", "b", "b1"),)), (A, LATER_B, C), ahead=(3, 2)
    ),
    "replay-ahead-del2": Configuration(((DELETE, JOURNAL, UPDATE), (REPLAY,), (JOURNAL,)), (A, LATER_B, C), ahead=(2,)),
    "streams-ahead2": Configuration(((JOURNAL, UPDATE), (STREAMS,), (UPDATE_1,)), (A, LATER_B, C), ahead=(3, 2)),
    "replay-torn2": Configuration(((JOURNAL, UPDATE), (REPLAY,), (UPDATE_1,)), (A, LATER_B, C), torn=True),
    "list-journal2": Configuration(((JOURNAL, UPDATE), (LIST,), (UPDATE_1,)), (A, LATER_B, C)),
    "streams-journal2": Configuration(((JOURNAL, UPDATE), (STREAMS,), (UPDATE_1,)), (A, LATER_B, C)),
    "replay-upd-gc": Configuration(((UPDATE_1, UPDATE, COLLECT), (REPLAY,), (JOURNAL,)), (A, B), collects=True),
    "compact-journal-upd": Configuration(((COMPACT,), (JOURNAL, COMPACT), (UPDATE_1,)), (*JOURNALED[:2], C)),
    "replay-compact2": Configuration(((JOURNAL, COMPACT), (REPLAY,), (UPDATE_1, COMPACT)), (*JOURNALED[:2], C)),
    "part-compact2": Configuration(((JOURNAL, COMPACT), (PART,), (UPDATE_1, COMPACT)), (*JOURNALED[:2], C)),
    "part-journal2": Configuration(((JOURNAL, UPDATE), (PART,), (("update_event", "b", "b1"),)), (A, LATER_B, C)),
    "get-journal-upd": Configuration(((UPDATE_1, UPDATE_2), (JOURNAL,), (GET, GET)), (A,)),
    "get-journal-gc": Configuration(((UPDATE_1,), (JOURNAL, COLLECT), (GET,)), (A,), collects=True),
    "many-put": Configuration(((BATCH,), (("put", "b", "v2", 2),), (REPLAY,)), crashes=1),
    "many-many": Configuration(((BATCH,), (OTHER_BATCH,)), crashes=1),
    "many-journal": Configuration(((BATCH,), (PUT_2,), (JOURNAL,)), crashes=1),
    "put-journal-del": Configuration(((PUT_1,), (PUT_2, JOURNAL), (DELETE,)), as_begun=True),
    "put-moved-del": Configuration(((PUT_1,), (JOURNAL,), (DELETE,)), (A,), crashes=1, as_begun=True),
    "follow-journal-compact": Configuration(
        ((PUT_1, TICK), (JOURNAL, COMPACT, TICK), (FOLLOW_BY_ONE,)), (JOURNALED[1], C), lagging="P"
    ),
    "follow-near-journal": Configuration(
        ((PUT_1, TICK), (JOURNAL, TICK), (PUT_D, FOLLOW_NEAR)), (LATER_B,), crashes=1, lagging="P"
    ),
    "copy-journal-del": Configuration(((JOURNAL, TICK), (DELETE,), (COPY_ONE_DATE,)), (A,), crashes=1, lagging="Q"),
    "copy-update-upd": Configuration(((UPDATE_1, UPDATE), (UPDATE_2, TICK), (COPY_BY_ONE,)), (A,), lagging="P"),
    "copy-journal-reput": Configuration(
        ((JOURNAL, UPDATE), (DELETE, PUT_2, TICK), (COPY_ONE_DATE,)), (A, LATER_B), crashes=1, lagging="Q"
    ),
    "follow-del-journal": Configuration(
        ((DELETE, PUT_2, TICK), (JOURNAL,), (FOLLOW,)), (A, LATER_B), crashes=1, lagging="Q"
    ),
}

READ_ACROSS_TWO_MOVES = Configuration(((DELETE,), (JOURNAL, UPDATE_1, UPDATE), (GET, GET)), (A,))
"""Not to be had: a delete that has not returned may be seen, and then not be seen until it goes on.

Its DELETE was written for a journal that has been combined twice since the deleter looked it up. A reader that looked
the event up before the second time reads the DELETE; a later one does not know of that journal. Once a call has
returned, everyone sees what it did. One random run in some thousands shows this.
"""

OLD_PUT = ("old_put", "a", "v1", 1)
OLD_JOURNAL = ("old_journal",)
OLD_DELETE = ("old_delete", "a")
OLD_UPDATE = ("old_update", "a", "a1")

BESIDE_043 = {
    "oj-journal-replay": Configuration(((OLD_JOURNAL,), (JOURNAL,), (REPLAY,)), (A, B), beside_043=True),
    "oj-replay": Configuration(((OLD_JOURNAL,), (REPLAY,)), (A, B, EARLY_C), beside_043=True),
    "oj-put": Configuration(((OLD_JOURNAL,), (("put", "b", "b1", 1), ("get", "b")), (REPLAY,)), (A,), beside_043=True),
    "oj-journal": Configuration(((OLD_JOURNAL,), (JOURNAL,)), (A, B), beside_043=True),
    "oj-upd": Configuration(((OLD_JOURNAL,), (UPDATE_1, GET)), (A,), beside_043=True),
    "oj-del": Configuration(((OLD_JOURNAL,), (DELETE, GET)), (A,), beside_043=True),
    "oj-crash": Configuration(((OLD_JOURNAL,), (REPLAY,)), (A, B), crashes=1, beside_043=True),
    "op-crash": Configuration(((OLD_PUT,), (PUT_2,)), crashes=1, after={1: (0,)}, beside_043=True),
    "op-journal": Configuration(((("old_put", "b", "b1", 1),), (JOURNAL,)), (A,), beside_043=True),
    "ou-journal": Configuration(((OLD_UPDATE,), (JOURNAL,)), (A,), beside_043=True),
    "od-journal": Configuration(((OLD_DELETE,), (JOURNAL,)), (A,), beside_043=True),
    "op-follow": Configuration(((OLD_PUT, TICK), (FOLLOW_BY_ONE,)), (LATER_B,), beside_043=True, lagging="P"),
    "oj-follow": Configuration(((OLD_JOURNAL, TICK), (FOLLOW,)), (A, LATER_B), beside_043=True, lagging=""),
    "opj-follow": Configuration(((OLD_PUT, OLD_JOURNAL, TICK), (FOLLOW,)), (LATER_B,), beside_043=True, lagging=""),
    "pj-follow": Configuration(((PUT_1, TICK), (OLD_JOURNAL,), (FOLLOW,)), (LATER_B,), beside_043=True, lagging="P"),
    "oju-follow": Configuration(((OLD_JOURNAL, OLD_UPDATE, UPDATE), (COPY,)), (A,), beside_043=True, lagging=""),
    "od-follow": Configuration(((OLD_DELETE, OLD_JOURNAL, TICK), (COPY,)), (A, LATER_B), beside_043=True, lagging=""),
    "oj-then": Configuration(((OLD_JOURNAL,), (UPDATE_1, UPDATE, JOURNAL)), (A, B), after={1: (0,)}, beside_043=True),
}

FOLLOWED_TWICE_BESIDE_043 = Configuration(
    ((OLD_PUT, OLD_JOURNAL, TICK), (FOLLOW,)), (B, Z, EARLY_C), beside_043=True, lagging=""
)
"""An event that comes behind a page, and that 0.4.3 journals onto a later one: that does not say what it replaces."""

NOT_TO_BE_HAD_BESIDE_043 = {
    "oj-update": Configuration(((OLD_JOURNAL,), (UPDATE_1, UPDATE)), (A, B), beside_043=True),
    "oj-delete": Configuration(((OLD_JOURNAL,), (DELETE, UPDATE)), (A, B), beside_043=True),
    "op-put": Configuration(((OLD_PUT,), (PUT_2,)), beside_043=True),
    "od-put": Configuration(((OLD_DELETE,), (PUT_2,)), (A,), beside_043=True),
}
"""Here 0.4.3 keeps calls from being linearizable, whatever we do: one side does not see what the other did."""
