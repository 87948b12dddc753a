"""The tests' own moto answers as AWS does where moto by itself does not."""

from conftest import BUCKET, Place, environment_of
from moto.s3.utils import _VersionedKeyStore
from support.servers.moto import Moto


def test_a_key_that_is_deleted_beside_a_listing_is_no_error(moto: Moto) -> None:  # noqa: ARG001 - which mends it
    keys = _VersionedKeyStore(first="1", second="2")
    listing = keys.items()
    next(listing)
    del keys["second"]
    assert len(list(listing)) <= 1


def test_a_prefix_that_is_forgotten_is_empty_and_no_other(moto: Moto) -> None:
    place = Place("moto", f"s3://{BUCKET}/forgotten", environment_of(moto))
    client = place.client()
    for key in ("forgotten/1", "forgotten/2", "kept in mind/1"):
        client.put_object(Bucket=BUCKET, Key=key, Body=b"")
    moto.forget(BUCKET, "forgotten")
    assert client.list_objects_v2(Bucket=BUCKET, Prefix="forgotten")["KeyCount"] == 0
    assert client.list_objects_v2(Bucket=BUCKET, Prefix="kept")["KeyCount"] == 1
    place.close()
