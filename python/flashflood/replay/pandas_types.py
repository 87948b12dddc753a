"""What pandas makes of Arrow's types, so that nothing is lost: a column of whole numbers with nulls stays whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa

if TYPE_CHECKING:
    from pandas.api.extensions import ExtensionDtype


def frame_of(table: pa.Table) -> pd.DataFrame:
    """Give a table as a DataFrame."""
    return without_views(table).to_pandas(types_mapper=_pandas_type)


def _pandas_type(kind: pa.DataType) -> ExtensionDtype | None:
    """Give pandas' type of an Arrow type: its own strings and timestamps (None: as pyarrow chooses), Arrow's others."""
    if pa.types.is_timestamp(kind):
        return None
    if pa.types.is_string(kind):
        return pd.StringDtype("pyarrow")
    return pd.ArrowDtype(kind)


def without_views(table: pa.Table) -> pa.Table:
    """Give the same with large binaries where there are binary views, with which pandas can do little."""
    fields = [field.with_type(pa.large_binary()) if field.type == pa.binary_view() else field for field in table.schema]
    return table.cast(pa.schema(fields))
