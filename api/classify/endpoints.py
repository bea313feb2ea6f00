"""``POST /api/v1/classify``: what words say, for whoever types them at this moment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from api.cases import views
from api.classify import judging
from api.classify.judging import CurrentJudging
from api.classify.schemas import (
    ClassifyBody,
    EvidenceSpan,
    FoundSpan,
    Judgement,
    SimilarMatter,
    SimilarParts,
    SuggestedAgency,
    SuggestedClass,
    SuggestedItem,
)
from api.kit import routing
from api.kit.casework import CurrentTown
from api.kit.deps import Now, ReadSession, allowed
from classifier.similar import Match
from classifier.verdict import AgencyChance, Verdict
from router.access import rules
from router.access.actor import Actor
from router.casework import similar
from router.casework.similar import Asked
from router.casework.work import Town, Work
from router.catalog import versions
from router.catalog.model import Catalog
from router.errors import Invalid
from router.organisation import codes, divisions
from router.storage.organisation import Agency

router = routing.router("/classify", "classify")
router.lifespan_part = judging.part  # type: ignore[attr-defined]

SURE = 0.5
"""From this score on a suggested item counts for the likeness of matters."""
SHOWN = 10


@router.post("", summary="判别一段话 / What words say")
async def classify(
    body: ClassifyBody,
    session: ReadSession,
    actor: Annotated[Actor, allowed("text.classify")],
    now: Now,
    town: CurrentTown,
    here: CurrentJudging,
) -> Judgement:
    """归谁、急不急、像哪个事项、谁承办、依据是哪些字;不登记、不派单,文字不保存、不写入日志。

    边输入边判别时用 `partial`:每次停顿问一次,省去要素提取。`similar` 找出您可见的相似在办事项(最近 30 天)。
    """
    city = _city(body, actor, town)
    catalog = await versions.at(session, city, now)
    await session.rollback()  # nobody waits for the connection while the text is judged
    wanted = not body.partial if body.found is None else body.found
    verdict, found = await here.judge(lambda: town.engine(city, catalog), body.text, now if wanted else None)
    likes, complete = None, None
    if body.similar:
        told = await here.similar.like(city, _asked(body, verdict), now)
        work = Work(session, await rules.look_for_grants(session, actor, now), now, town)
        rows = await similar.visible(work, told.matches, but=body.case_id, limit=SHOWN)
        seen = await views.sights(work, [row for _, row in rows])
        likes, complete = [_like(one, views.case(row, seen[row.id])) for one, row in rows], told.complete
    return Judgement(
        route=verdict.route,
        urgent=verdict.urgent,
        services=list(verdict.services),
        items=[SuggestedItem(code=one.item, name=catalog.items[one.item].name, score=one.score) for one in verdict.items],
        agencies=await _agencies(session, catalog, verdict.agencies),
        police_class=_police_class(catalog, verdict.police_class),
        call_back=verdict.call_back,
        confidence=verdict.confidence,
        urgent_confidence=verdict.urgent_confidence,
        evidence=[EvidenceSpan.model_validate(one) for one in verdict.evidence],
        found=None if found is None else [FoundSpan.model_validate(one) for one in found],
        model=verdict.engine,
        catalog=verdict.catalog,
        similar=likes,
        similar_complete=complete,
    )


def _city(body: ClassifyBody, actor: Actor, town: Town) -> str:
    """The city that is named; else that of the division, if it has centres here; else the caller's."""
    if body.city is not None:
        return body.city
    own = actor.city or town.city
    if body.division is None:
        return own
    found = divisions.city_of(body.division)
    if found is None:
        raise Invalid(f"没有行政区划代码“{body.division}”", "请填写 GB/T 2260 的代码", field="division")
    return found if town.desks_of(found) else own


def _asked(body: ClassifyBody, verdict: Verdict) -> Asked:
    best = next(iter(verdict.items), None)
    item = best.item if best is not None and best.score >= SURE else ""
    return Asked(body.text, body.place or "", body.division or "", item)


def _police_class(catalog: Catalog, code: str) -> SuggestedClass | None:
    found = catalog.classes.get(code)
    return SuggestedClass(code=code, name=found.name) if found is not None else None


async def _agencies(session: AsyncSession, catalog: Catalog, found: Sequence[AgencyChance]) -> list[SuggestedAgency]:
    """Kinds of the catalog with what they are; of a city's own labels those that are codes with the agency's name."""
    credit = [one.agency for one in found if codes.is_credit_code(one.agency)]
    query = select(Agency.code, Agency.name).where(Agency.code.in_(credit))
    names = {row.code: row.name for row in (await session.execute(query)).all()} if credit else {}
    return [
        SuggestedAgency(
            code=one.agency if one.agency in credit else None,
            name=names.get(one.agency, one.agency),
            about=catalog.agency_kinds.get(one.agency),
            score=one.score,
        )
        for one in found
    ]


def _like(match: Match, case: views.CaseView) -> SimilarMatter:
    parts = SimilarParts(words=match.words, place=match.place, time=match.time)
    return SimilarMatter(id=case.id, number=case.number, score=match.score, parts=parts, case=case)
