"""Subscriptions are made with care: good addresses only, the secret once, changes journalled."""

from __future__ import annotations

import pytest
from sqlalchemy import Text, select, type_coerce

from router.errors import Invalid, NotFound, Stale
from router.journal import addresses, journal, outbox, routes, subscriptions
from router.journal.outbox import News
from router.journal.subscriptions import Wish
from tests.journal.kit import OPERATOR, T0, opened
from tests.storage.parts import run

WISH = Wish("督办看板", "https://board.example.gov.cn/hook", ["ticket.*", "handoff.offered"], ["12345"])


def test_the_secret_is_told_once_sealed_and_can_be_renewed(url: str) -> None:
    async def story() -> None:
        async with opened(url) as database:
            async with database.write() as session:
                view, secret = await subscriptions.create(session, WISH, OPERATOR, T0, development=False)
            async with database.read() as session:
                stored = (await session.execute(select(type_coerce(routes.SUBSCRIPTION.c.secret, Text)))).scalar_one()
                shown = await subscriptions.get(session, view.id)
                assert await subscriptions.all_(session) == [shown]
            assert secret.startswith("whsec_") and secret not in stored and not hasattr(shown, "secret")
            async with database.write() as session:
                assert await subscriptions.renew_secret(session, view.id, OPERATOR, T0) != secret
            async with database.read() as session:
                actions = [one.action for one in await journal.timeline(session, journal.SYSTEM)]
                assert actions == ["subscription.created", "subscription.secret_renewed"]
                said = [str(one.detail) for one in await journal.timeline(session, journal.SYSTEM)]
                assert secret not in "".join(said)

    run(story())


def test_two_who_change_it_at_once_are_told_apart(sqlite: str) -> None:
    async def story() -> None:
        async with opened(sqlite) as database, database.write() as session:
            view, _ = await subscriptions.create(session, WISH, OPERATOR, T0, development=False)
            wish = Wish("新名", WISH.url, ["*"], active=False)
            changed = await subscriptions.change(session, view.id, wish, OPERATOR, T0, rev=1, development=False)
            assert (changed.rev, changed.name, changed.topics, changed.active) == (2, "新名", ["*"], False)
            with pytest.raises(Stale) as stale:
                await subscriptions.change(session, view.id, wish, OPERATOR, T0, rev=1, development=False)
            assert stale.value.facts["current"] == 2
            with pytest.raises(NotFound):
                await subscriptions.change(session, "none", wish, OPERATOR, T0, rev=1, development=False)

    run(story())


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        (Wish(" ", WISH.url, ["*"]), "name"),
        (Wish("n" * 101, WISH.url, ["*"]), "name"),
        (Wish("n", WISH.url, []), "topics"),
        (Wish("n", WISH.url, ["Ticket.*"]), "topics"),
        (Wish("n", WISH.url, ["ticket*"]), "topics"),
        (Wish("n", "ftp://x.cn/", ["*"]), "url"),
    ],
)
def test_a_wrong_wish_names_its_field(sqlite: str, wish: Wish, field: str) -> None:
    async def story() -> None:
        async with opened(sqlite) as database, database.write() as session:
            with pytest.raises(Invalid) as invalid:
                await subscriptions.create(session, wish, OPERATOR, T0, development=False)
            assert invalid.value.facts["field"] == field

    run(story())


@pytest.mark.parametrize(
    ("url", "development", "good"),
    [
        ("https://board.example.gov.cn/hook?x=1", False, True),
        ("https://10.20.30.40:8443/hook", False, True),  # a receiver in the government's own network
        ("http://10.20.30.40/hook", False, False),
        ("http://10.20.30.40/hook", True, False),
        ("http://127.0.0.1:9000/", True, True),
        ("http://[::1]:9000/", True, True),
        ("http://localhost:9000/", True, True),
        ("http://localhost:9000/", False, False),
        ("https://localhost/", False, False),
        ("https://127.0.0.1/", False, False),
        ("https://[::ffff:127.0.0.1]/", False, False),
        ("https://169.254.169.254/latest", True, False),
        ("https://[fe80::1]/", True, False),
        ("https://100.100.100.200/", True, False),
        ("https://metadata.google.internal./", True, False),
        ("https://2130706433/", True, False),
        ("https://0x7f.0.0.1/", True, False),
        ("https://0.0.0.0/", True, False),
        ("https://user:pw@x.cn/", True, False),
        ("https://x.cn/#a", True, False),
        ("https://x.cn:99999/", True, False),
        ("https:///path", True, False),
        ("javascript:alert(1)", True, False),
        ("https://x.cn/a b", True, False),
        ("https://x.cn/\r\nhost: y", True, False),
    ],
)
def test_which_addresses_are_good(url: str, development: bool, good: bool) -> None:
    if good:
        assert addresses.check(f" {url} ", development=development) == url
    else:
        with pytest.raises(Invalid):
            addresses.check(url, development=development)


def test_a_week_can_be_sent_again(url: str) -> None:
    async def story() -> None:
        async with opened(url) as database, database.write() as session:
            topics = ("ticket.opened", "order.opened", "ticket.closed")
            await outbox.write(session, [News(topic, {}, units=["12345"]) for topic in topics], T0)
            await session.execute(outbox.OUTBOX.update().values(published_at=T0))
            view, _ = await subscriptions.create(session, WISH, OPERATOR, T0, development=False)
            assert await subscriptions.replay(session, view.id, T0, OPERATOR, T0) == 2
            await session.execute(routes.DELIVERY.update().values(done_at=T0))
            assert await subscriptions.replay(session, view.id, T0, OPERATOR, T0) == 2
            found = await subscriptions.deliveries(session, view.id)
            assert [(row.topic, row.done_at) for row in found] == [("ticket.closed", None), ("ticket.opened", None)]
            assert (await subscriptions.state(session, view.id)).waiting == 2
            with pytest.raises(NotFound):
                await subscriptions.again(session, "another", [found[0].id], OPERATOR, T0)

    run(story())
