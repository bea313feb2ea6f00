"""Categories and types of emergency events (突发事件); the types are those that the shipped plans are for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Category = Literal["natural", "accident", "health", "security"]
CATEGORIES: dict[str, str] = {"natural": "自然灾害", "accident": "事故灾难", "health": "公共卫生", "security": "社会安全"}


@dataclass(frozen=True, slots=True)
class Kind:
    """A type of event. ``criteria``: set of criteria that its level is reckoned by (:mod:`router.linkage.emergency.levels`)."""

    name: str
    category: Category
    criteria: str


KINDS: dict[str, Kind] = {
    "fire": Kind("火灾", "accident", "production"),
    "gas-leak": Kind("燃气泄漏", "accident", "production"),
    "hazardous-goods": Kind("危化品泄漏或爆炸", "accident", "environment"),
    "collapse": Kind("矿山事故或坍塌", "accident", "production"),
    "traffic-accident": Kind("道路交通事故", "accident", "production"),
    "flooding": Kind("城市内涝", "natural", "general"),
    "earthquake": Kind("地震", "natural", "earthquake"),
    "landslide": Kind("滑坡泥石流", "natural", "general"),
    "forest-fire": Kind("森林火灾", "natural", "general"),
    "water-cut": Kind("大面积停水", "accident", "supply"),
    "power-cut": Kind("大面积停电", "accident", "supply"),
    "heat-cut": Kind("停热或热网爆裂", "accident", "supply"),
    "epidemic": Kind("食物中毒或传染病", "health", "epidemic"),
    "crowd": Kind("群体性聚集", "security", "crowd"),
    "terror": Kind("恐怖袭击或个人极端", "security", "crowd"),
    "lift": Kind("电梯困人", "accident", "production"),
    "fallen": Kind("电线杆或树木倒伏", "accident", "general"),
}
