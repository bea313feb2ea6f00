"""Which limits of the catalog hold for a case."""

from __future__ import annotations

from router.casework.work import Work
from router.catalog import versions
from router.catalog.model import Catalog, Limit
from router.storage.casework import Case


async def catalog_of(work: Work, case: Case) -> Catalog:
    """The version that the case was registered under; for a draft, the one in force."""
    if case.catalog_version:
        known: dict[str, Catalog] = work.session.info.setdefault("casework.catalogs", {})
        if case.catalog_version not in known:
            known[case.catalog_version] = await versions.load(work.session, case.catalog_version)
        return known[case.catalog_version]
    return await versions.at(work.session, case.city, work.now)


def signing_limit(catalog: Catalog, urgency: str) -> Limit:
    """Within which an agency signs."""
    return catalog.limits.sign if urgency == "normal" else catalog.limits.sign_urgent


def handling_limit(catalog: Catalog, item: str | None, urgency: str) -> Limit:
    """Within which an agency has handled it: the item's limit, the urgent one for what is urgent."""
    found = catalog.item(item)
    if found is None:
        return catalog.limits.feedback
    return found.urgent_deadline if urgency != "normal" and found.urgent_deadline else found.deadline
