# ruff: noqa: SLF001 - existing code reaches for `ff._Journal`
"""Every public name of 0.4.3, found by looking through the installed 0.4.3: it works, or names its successor.

A name that stands in neither list here fails the test.
"""

import importlib
import importlib.metadata
import inspect
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from conftest import Place
from support.old import FOLDER
from support.samples import put_journaled

import flashflood
from flashflood import FlashFlood, Journal, util

EXCEPTIONS = {
    *("FlashFloodEventExistsError", "FlashFloodEventNotFound", "FlashFloodException"),
    *("FlashFloodJournalUploadError", "FlashFloodJournalingError"),
}
WORK: dict[str, set[str]] = {
    "flashflood": {
        *("config", "exceptions", "identifiers", "key_index", "objects", "util", "version"),
        *("Event", "FlashFlood", "JournalID", "TOMBSTONE_SUFFIX"),
        *("datetime_from_timestamp", "datetime_to_timestamp", "replay_event_stream"),
        *(EXCEPTIONS - {"FlashFloodJournalUploadError"}),
    },
    "flashflood.FlashFlood": {
        *("bucket", "root_prefix", "s3", "s3_client"),
        *("combine_journals", "delete_event", "event_exists", "get_event", "journal", "list_event_streams"),
        *("list_journals", "put", "replay", "update", "update_event"),
    },
    "flashflood.config": {"object_exists_waiter_config"},
    "flashflood.exceptions": EXCEPTIONS,
    "flashflood.identifiers": {
        *("JournalID", "JournalUpdateAction", "TOMBSTONE_SUFFIX", "datetime_from_timestamp", "timestamp_now")
    },
    "flashflood.identifiers.JournalID": {
        *("DELIMITER", "blob_id", "end_date", "from_key", "make", "range_prefix", "start_date", "version")
    },
    "flashflood.identifiers.JournalUpdateAction": {"DELETE", "UPDATE"},
    "flashflood.key_index": {"delete_keys"},
    "flashflood.objects": {
        *("Event", "JournalID", "JournalUpdateAction", "TOMBSTONE_SUFFIX", "datetime_from_timestamp"),
        *("FlashFloodEventNotFound", "FlashFloodException", "FlashFloodJournalUploadError", "timestamp_now"),
    },
    "flashflood.objects.BaseJournal": {"blob_id", "body", "events", "get_event", "id_", "manifest", "size", "version"},
    "flashflood.objects.Event": {"data", "date", "event_id"},
    "flashflood.util": {
        *("config", "datetime_from_timestamp", "datetime_to_timestamp", "delete_keys", "timestamp_now")
    },
    "flashflood.version": {"__version__"},
}
"""What works, by where it is. BaseJournal's are those of what `ff.open_journal` gives."""

GONE_WITH_THEIR_MEMBERS = {
    "BaseJournalUpdate": "ff.update_event",
    "BaseKeyIndex": "ff.get_event",
    "DateRange": "from_date",
    "JournalUpdateID": "ff.update_event",
    "S3Deleter": "flashflood.util.delete_keys",
}
GONE = {
    "BaseJournal": "flashflood.Journal",
    "concurrent_listing": "bucket.objects.filter",
    "update_object_tagging": "client.put_object_tagging",
    "upload_object": "client.put_object",
    **GONE_WITH_THEIR_MEMBERS,
}
"""What names its successor, wherever it is."""

GONE_OF_JOURNALS = {
    "bucket": "ff.bucket",
    "data": "journal.body.read",
    "from_id": "ff.open_journal",
    "from_key": "ff.open_journal",
    "is_empty": "journal.events",
    "keys": "journal.blob_id",
    "list": "ff.journal_ids",
    "reload": "journal.body.seek",
    "s3_client": "ff.s3_client",
    "updated": "ff.update",
    "upload": "ff.put_many",
    "upload_tombstone": "ff.update",
}

RENAMED = {"flashflood.FlashFlood.combine_journals": ["journals"]}
"""Parameters whose names differ; existing code gives them by place."""


@pytest.fixture(scope="module")
def names() -> Mapping[str, list[str] | None]:
    """Give 0.4.3's public names, with the parameters that they take."""
    command = [sys.executable, str(Path(__file__).parent / "support" / "old" / "names.py")]
    environment = {**os.environ, "PYTHONPATH": str(FOLDER), "AWS_DEFAULT_REGION": "us-east-1"}
    told = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=60)
    found: dict[str, list[str] | None] = json.loads(told.stdout)
    return found


def working() -> set[str]:
    return {f"{where}.{name}" for where, names in WORK.items() for name in names} | {"flashflood"}


def is_gone(name: str) -> bool:
    """Say whether a name is listed as gone: by itself, with its class, or as a journal's."""
    where, _, last = name.rpartition(".")
    in_class = where.rpartition(".")[2]
    of_journals = in_class == "BaseJournal" and last in GONE_OF_JOURNALS
    return last in GONE or of_journals or in_class in GONE_WITH_THEIR_MEMBERS


def test_every_public_name_of_0_4_3_is_in_a_list_and_every_listed_one_is_a_name_of_it(
    names: Mapping[str, list[str] | None],
) -> None:
    gone = {name for name in names if is_gone(name)}
    assert set(names) == working() | gone
    assert not working() & gone
    assert {name.rpartition(".")[2] for name in gone} >= set(GONE) | set(GONE_OF_JOURNALS)


def test_what_works_works_after_import_flashflood_alone() -> None:
    """Old code writes `flashflood.util`: 0.4.3 imports its modules itself."""
    written = sorted(name for name in working() if "BaseJournal." not in name)
    instances = {f"flashflood.FlashFlood.{name}" for name in ("bucket", "root_prefix", "s3", "s3_client")}
    script = "import flashflood\n" + "\n".join(name for name in written if name not in instances)
    subprocess.run([sys.executable, "-W", "error", "-c", script], check=True, timeout=60)


@pytest.mark.parametrize("where", [name for name in WORK if name in sys.modules or name.islower()])
def test_what_works_can_be_imported(where: str) -> None:
    module = importlib.import_module(where)
    for name in WORK[where] - {"config", "exceptions", "identifiers", "key_index", "objects", "util", "version"}:
        scope: dict[str, Any] = {}
        exec(f"from {where} import {name}", scope)  # noqa: S102 - the statement that existing code has
        assert scope[name] is getattr(module, name)


def test_what_works_takes_the_parameters_of_0_4_3_in_their_order(names: Mapping[str, list[str] | None]) -> None:
    for name in working():
        parameters = RENAMED.get(name, names[name])
        if parameters and not name.endswith(("Action", "BaseJournal")):
            found = resolved(name)
            ours = [item for item in inspect.signature(found).parameters if item not in {"self", "cls"}]
            assert ours[: len(parameters)] == parameters, name


def resolved(name: str) -> Any:  # noqa: ANN401 - whatever has the name
    found: Any = flashflood
    for part in name.replace("flashflood.objects.BaseJournal", "flashflood.Journal").split(".")[1:]:
        found = getattr(found, part)
    return found


def test_what_is_gone_names_its_successor_in_its_import_error(names: Mapping[str, list[str] | None]) -> None:
    tried = 0
    for where, _, name in (item.rpartition(".") for item in names if is_gone(item)):
        if name in GONE and where.islower():
            for statement in (f"from {where} import {name}", f"import {where}; {where}.{name}"):
                with pytest.raises(ImportError) as caught:
                    exec(statement, {})  # noqa: S102 - the statement that existing code has
                assert f"{where}.{name} of FlashFlood 0.4.3 is gone" in str(caught.value)
                assert GONE[name] in str(caught.value)
            tried += 1
    assert tried > len(GONE)


def test_a_name_that_neither_has_is_an_ordinary_error() -> None:
    for module in ("flashflood", "flashflood.util", "flashflood.objects", "flashflood.identifiers"):
        assert not hasattr(importlib.import_module(module), "nonsense")


@pytest.mark.parametrize("place", ["folder"], indirect=True)
def test_what_0_4_3s_journals_have_works_or_names_its_successor(place: Place) -> None:
    ff = place.open()
    put_journaled(ff, "a", "b")
    (journal_id,) = ff.list_journals()
    journal = ff._Journal.from_id(journal_id)
    assert isinstance(journal, Journal)
    for name in WORK["flashflood.objects.BaseJournal"]:
        getattr(journal, name)
    for name, successor in GONE_OF_JOURNALS.items():
        with pytest.raises(AttributeError, match=rf"Journal\.{name} of FlashFlood 0.4.3 is gone") as caught:
            getattr(journal, name)
        assert successor in str(caught.value)
        if name not in {"from_id", "list"}:
            with pytest.raises(AttributeError, match="is gone"):
                getattr(ff._Journal, name)
    assert not hasattr(journal, "nonsense")


@pytest.mark.parametrize("place", ["moto", "rgw"], indirect=True)
def test_a_flashflood_on_s3_has_its_resource_client_bucket_and_root_prefix(place: Place) -> None:
    resource, client = place.resource(), place.client()
    of_resource = FlashFlood(resource, place.bucket, place.prefix)
    assert of_resource.s3 is resource
    assert of_resource.s3_client is resource.meta.client
    of_client = FlashFlood(client, place.bucket, place.prefix)
    assert of_client.s3_client is client
    assert of_client.s3 is of_client.s3
    of_client.put(b"data", "id")
    for ff in (of_resource, of_client):
        assert ff.root_prefix == place.prefix
        assert ff.bucket.name == place.bucket
        keys = [item.key for item in ff.bucket.objects.filter(Prefix=f"{ff.root_prefix}/index/")]
        assert keys == [f"{place.prefix}/index/id--0000000001"]
    util.delete_keys(of_client.bucket, keys, number_of_workers=2)
    assert not of_resource.event_exists("id")


@pytest.mark.parametrize("place", ["folder"], indirect=True)
def test_a_flashflood_in_a_folder_says_that_it_has_no_bucket(place: Place) -> None:
    ff = place.open()
    for name in ("s3", "s3_client", "bucket"):
        with pytest.raises(AttributeError, match=f"has no {name}: only one on S3 has"):
            getattr(ff, name)
    assert ff.root_prefix == ""


def test_the_version_is_the_packages() -> None:
    assert importlib.import_module("flashflood.version").__version__ == importlib.metadata.version("flashflood-rs")
