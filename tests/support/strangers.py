"""Lines as others write them, made here: CloudTrail, the GitHub archive, an access log, webhooks, journald."""

import json
from datetime import datetime, timedelta
from typing import NamedTuple

BEGIN = datetime(2026, 3, 1, 6, 30)
EPOCH = datetime(1970, 1, 1)


class Kind(NamedTuple):
    """A kind of file, and where its events have their ids and dates."""

    text: bytes
    id: str | None
    date: str
    each: str | None
    ids: list[str] | None
    """Of the events, in the order of their dates; None: they have none."""
    dates: list[datetime]
    data: list[bytes] | None
    """Of the events, byte for byte; None: they are written again."""


def cloudtrail(count: int = 3) -> Kind:
    """Give a log file: one document of one line."""
    dates = [BEGIN + timedelta(seconds=number) for number in range(count)]
    ids = [f"0b6f3ab6-32d4-4a1f-9c80-{number:012x}" for number in range(count)]
    records = [
        {
            "eventVersion": "1.08",
            "userIdentity": {"type": "IAMUser", "userName": "olga", "accountId": "111122223333"},
            "eventTime": f"{date.isoformat()}Z",
            "eventSource": "s3.amazonaws.com",
            "eventName": "GetBucketAcl",
            "responseElements": None,
            "additionalEventData": {"bytesTransferredOut": 567.0},
            "eventID": event_id,
            "readOnly": True,
        }
        for event_id, date in zip(ids, dates, strict=True)
    ]
    return Kind(json.dumps({"Records": records}).encode(), "eventID", "eventTime", "Records[]", ids, dates, None)


def github_archive(count: int = 3) -> Kind:
    """Give an hour of it: an event a line, with blanks that stay."""
    dates = [BEGIN + timedelta(seconds=number) for number in range(count)]
    ids = [str(4_700_000_000 + number) for number in range(count)]
    lines = [
        json.dumps(
            {
                "id": event_id,
                "type": "PushEvent",
                "actor": {"id": 17, "login": "grüße"},
                "repo": {"id": 5, "name": "olga/weir"},
                "payload": {"size": 1, "commits": [{"sha": f"{number:040x}", "message": "a \u2028 b"}]},
                "public": True,
                "created_at": f"{date.isoformat()}Z",
            },
            ensure_ascii=False,
        ).encode()
        for number, (event_id, date) in enumerate(zip(ids, dates, strict=True))
    ]
    return Kind(_joined(lines), "id", "created_at", None, ids, dates, lines)


def access_log(count: int = 3) -> Kind:
    """Give one with milliseconds since 1970, without ids, and with blanks around each line."""
    dates = [BEGIN + timedelta(milliseconds=7 * number) for number in range(count)]
    lines = [
        f' {{"time": {_since(date, 1_000)}, "status": "200", "uri": "/{number}", "request_time": 0.010}}\t '.encode()
        for number, date in enumerate(dates)
    ]
    return Kind(_joined(lines), None, "time", None, None, dates, lines)


def webhooks(count: int = 3) -> Kind:
    """Give payments, with seconds since 1970."""
    dates = [BEGIN + timedelta(seconds=number) for number in range(count)]
    ids = [f"evt_1Nqz{number:020d}" for number in range(count)]
    lines = [
        f'{{"id":"{event_id}","object":"event","created":{_since(date, 1)},"data":{{"amount":1099}}}}'.encode()
        for event_id, date in zip(ids, dates, strict=True)
    ]
    return Kind(_joined(lines), "id", "created", None, ids, dates, lines)


def journald(count: int = 3) -> Kind:
    """Give what `journalctl -o json` writes: microseconds since 1970 as text, and messages that are lists of bytes."""
    dates = [BEGIN + timedelta(microseconds=number) for number in range(count)]
    ids = [f"s=e78b838844e74ae4;i={number:x};b=008efef50f404b3f;t=65b4b2475fac6" for number in range(count)]
    lines = [
        f'{{"__CURSOR":"{event_id}","__REALTIME_TIMESTAMP":"{_since(date, 10**6)}","MESSAGE":[101,105]}}'.encode()
        for event_id, date in zip(ids, dates, strict=True)
    ]
    return Kind(_joined(lines), "__CURSOR", "__REALTIME_TIMESTAMP", None, ids, dates, lines)


KINDS = {
    "CloudTrail": cloudtrail,
    "GitHub archive": github_archive,
    "access log": access_log,
    "webhooks": webhooks,
    "journald": journald,
}


def _since(date: datetime, in_a_second: int) -> int:
    return (date - EPOCH) // timedelta(microseconds=1) * in_a_second // 10**6


def _joined(lines: list[bytes]) -> bytes:
    return b"".join(line + b"\n" for line in lines)
