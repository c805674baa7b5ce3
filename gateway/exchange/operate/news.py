"""What a person must look at of later news: systems that cannot be asked, and news that was not believed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from gateway.domain.lines import printable
from gateway.exchange.operate.doctor import Finding, Mark
from gateway.store.sessions import Store
from gateway.store.transit import news_queries as queries

_CHECK = "later news"
_RECENT = timedelta(days=7)
_MOST_NAMED = 20


def later_news(store: Store, now: datetime) -> Iterator[Finding]:
    """Systems that did not answer when they were last asked for news, and what was not believed lately."""
    with store.read() as session:
        failing = queries.failing(session)
        troubles = queries.troubles(session, now - _RECENT, _MOST_NAMED + 1)
    for row in failing[:_MOST_NAMED]:
        since = (
            "" if row.failing_since is None else f" since {row.failing_since.isoformat(timespec='seconds')}"
        )
        said = f"{row.office}: cannot be asked{since}: {row.code} {row.said}"
        yield Finding(_CHECK, Mark.LOOK, printable(said))
    if len(failing) > _MOST_NAMED:
        yield Finding(_CHECK, Mark.LOOK, f"and {len(failing) - _MOST_NAMED} more that cannot be asked")
    for one in troubles[:_MOST_NAMED]:
        letter = f"delivery {one.delivery}" if one.delivery else "a letter that it does not have"
        said = f"{one.office}: not believed of {letter}: {one.code} {one.said}"
        yield Finding(_CHECK, Mark.LOOK, printable(said))
    if len(troubles) > _MOST_NAMED:
        yield Finding(_CHECK, Mark.LOOK, "and more that was not believed: wasl delivery show")
    if not failing and not troubles:
        yield Finding(_CHECK, Mark.GOOD, "every system that is asked answers, and is believed")
