"""What can be wrong with a catalog, its table or its version."""

from __future__ import annotations

from collections.abc import Sequence

from config.errors import Problem
from router.errors import Conflict, Invalid

SHOWN = 3
"""Problems that the sentence itself names; ``facts["problems"]`` holds them all."""


class BadCatalog(Invalid):
    """The content of a catalog is wrong; ``problems`` holds everything that was found, never only the first."""

    code = "catalog.invalid"

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        shown = ";".join(str(problem) for problem in self.problems[:SHOWN])
        super().__init__(
            f"事项清单有{len(self.problems)}处错误:{shown}",
            "按各处说明改正后重新提交",
            problems=[
                {"where": one.where, "line": one.line, "key": one.key, "what": one.what, "remedy": one.remedy}
                for one in self.problems
            ],
        )


class BadTable(BadCatalog):
    """A table to be imported has bad cells; nothing of it was taken."""

    code = "table.invalid"


class NothingNew(Conflict):
    """The content is the same as that of the newest version."""

    code = "catalog.same"


class BadDate(Invalid):
    """A version can't be in force from then on."""

    code = "catalog.effective_at"
