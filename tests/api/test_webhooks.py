"""Webhooks over HTTP: an administrator makes them, the secret is told once, and nothing that waits is lost by a change."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import update

from config.settings import Settings
from router.journal import outbox
from router.journal.outbox import News
from router.storage.base import table_of
from router.storage.journal import Outbox
from tests.api.parts import run, standing

API = "/api/v1/webhooks"
WISH = {"name": "市局", "url": "http://127.0.0.1:9/hook", "topics": ["ticket.*", "handoff.offered"]}


def test_a_webhook_is_made_changed_replayed_and_deleted(settings: Settings) -> None:
    async def go() -> None:
        async with standing(settings) as stand:
            admin = await stand.sign_in("administrator")
            answer = await admin.post(API, json=WISH)
            assert answer.status_code == 201, answer.text
            made = answer.json()
            assert made["secret"].startswith("whsec_") and made["waiting"] == 0
            path = f"{API}/{made['id']}"
            shown = await admin.get(path)
            assert "secret" not in shown.json() and shown.headers["ETag"] == '"1"'
            assert (await admin.put(path, json=WISH)).status_code == 428
            changed = await admin.put(path, json={**WISH, "topics": ["*"]}, headers={"If-Match": '"1"'})
            assert changed.json()["topics"] == ["*"]
            assert (await admin.put(path, json=WISH, headers={"If-Match": '"1"'})).status_code == 412

            now = stand.clock()
            async with stand.state.database.write() as session:
                await outbox.write(session, [News("ticket.opened", {"ticket": "t-1"}, units=["12345"])], now)
                await session.execute(update(table_of(Outbox)).values(published_at=now))
            since = (now - dt.timedelta(hours=1)).isoformat()
            assert (await admin.post(f"{path}/replay", json={"since": since})).json() == {"count": 1}
            [delivery] = (await admin.get(f"{path}/deliveries")).json()
            assert (delivery["topic"], delivery["done_at"]) == ("ticket.opened", None)
            again = await admin.post(f"{path}/deliveries/again", json={"deliveries": [delivery["id"]]})
            assert again.json() == {"count": 1}
            missing = await admin.post(f"{path}/deliveries/again", json={"deliveries": ["nothing"]})
            assert missing.status_code == 404
            assert (await admin.get(path)).json()["waiting"] == 1
            renewed = (await admin.post(f"{path}/secret")).json()["secret"]
            assert renewed.startswith("whsec_") and renewed != made["secret"]
            assert (await admin.delete(path)).status_code == 204
            assert (await admin.get(path)).status_code == 404

    run(go())


def test_only_administrators_and_only_sound_addresses(sqlite_settings: Settings) -> None:
    async def go() -> None:
        async with standing(sqlite_settings) as stand:
            for role in ("operator", "police", "supervisor"):
                person = await stand.sign_in(role)
                assert (await person.post(API, json=WISH)).status_code == 403
                assert (await person.get(API)).status_code == 403
            admin = await stand.sign_in("administrator")
            for bad in ("ftp://example.org/x", "http://example.org/x", "https://user:pass@example.org/", "不是地址地址地址"):
                answer = await admin.post(API, json={**WISH, "url": bad})
                assert answer.status_code == 422 and answer.json()["message"], bad
            assert (await admin.post(API, json={**WISH, "topics": ["TICKET"]})).status_code == 422
            assert (await admin.get(API)).json() == []

    run(go())
