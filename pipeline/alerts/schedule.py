"""When a rule holds: days of the week and a time of day, in a time zone."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self, TypeAlias, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

Day: TypeAlias = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = get_args(Day)


def _clock(value: Any) -> Any:
    """YAML reads an unquoted 22:30 as a number to base 60, which is the minutes of the day."""
    if isinstance(value, int) and 60 <= value <= 24 * 60:
        return f"{value // 60:02}:{value % 60:02}"
    return value


def _minutes(clock: str) -> int:
    hours, minutes = clock.split(":")
    return int(hours) * 60 + int(minutes)


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"there is no time zone {name!r}; write UTC, or one like Europe/Berlin") from None
    return name


TimeOfDay: TypeAlias = Annotated[
    str, BeforeValidator(_clock), Field(pattern=r"^(([01]?[0-9]|2[0-3]):[0-5][0-9]|24:00)$")
]


class ScheduleSettings(BaseModel):
    """The time in which a rule holds; a night belongs to the day it begins on."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    days: tuple[Day, ...] = Field(default=DAYS, min_length=1, description="days on which it begins")
    after: TimeOfDay = Field(default="00:00", description="time of day it begins, as 22:00")
    before: TimeOfDay = Field(default="24:00", description="time of day it ends, on the next day where not later")
    zone: Annotated[str, AfterValidator(_zone)] = Field(default="UTC", description="time zone, as Europe/Berlin")

    @model_validator(mode="after")
    def _some_time(self) -> Self:
        if self.after == self.before:
            raise ValueError(f"after and before are both {self.after}; leave them out for the whole day")
        return self

    def holds(self, at_s: float) -> bool:
        """Tell whether the unix second `at_s` lies within, by the clocks on the walls of the zone."""
        there = datetime.fromtimestamp(at_s, ZoneInfo(self.zone))
        now, after, before = there.hour * 60 + there.minute, _minutes(self.after), _minutes(self.before)
        today, yesterday = DAYS[there.weekday()], DAYS[there.weekday() - 1]
        if after < before:
            return after <= now < before and today in self.days
        return (now >= after and today in self.days) or (now < before and yesterday in self.days)
