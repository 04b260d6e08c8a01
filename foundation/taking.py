"""Rows that several processes share out among themselves: each is taken by one of them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias

from sqlalchemy import (
    ColumnElement,
    DateTime,
    SQLColumnExpression,
    func,
    inspect,
    select,
    tuple_,
    update,
)
from sqlalchemy.orm import InstrumentedAttribute, Session

from foundation.database import Base

Values: TypeAlias = Mapping[InstrumentedAttribute[Any], object]


def clock() -> ColumnElement[datetime]:
    """Return the time of the database as it is now, not when the transaction began."""
    return func.clock_timestamp(type_=DateTime(timezone=True))


def take(
    session: Session,
    table: type[Base],
    due: ColumnElement[bool],
    *,
    oldest: SQLColumnExpression[Any],
    limit: int,
    values: Values,
    returning: Sequence[SQLColumnExpression[Any]],
) -> list[tuple[Any, ...]]:
    """Take rows that are due; who asks at the same moment gets others.

    Args:
        oldest: Those with the least of it come first.
        values: What makes the rows that were taken due later.
    """
    key = inspect(table).primary_key
    found = select(*key).where(due).order_by(oldest).limit(limit).with_for_update(skip_locked=True)
    taken = (
        update(table)
        .where(tuple_(*key).in_(found))
        .values({column.key: value for column, value in values.items()})
        .returning(*returning)
        .execution_options(synchronize_session=False)
    )
    return [tuple(row) for row in session.execute(taken)]
