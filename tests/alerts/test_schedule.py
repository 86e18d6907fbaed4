"""Days and times of day, by the clocks on the walls of a zone."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from pipeline.alerts.schedule import DAYS, ScheduleSettings

NIGHT = """
days: [fri, sat]
after: 22:00
before: 06:00
zone: Europe/Berlin
"""


def at(text: str, zone: str = "Europe/Berlin") -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


@pytest.mark.parametrize(
    ("moment", "holds"),
    [
        ("2026-01-30T21:59", False),  # a Friday
        ("2026-01-30T22:00", True),
        ("2026-01-31T05:59", True),
        ("2026-01-31T06:00", False),
        ("2026-02-01T03:00", True),  # Sunday morning is still Saturday's night
        ("2026-02-01T23:00", False),
        ("2026-02-02T03:00", False),
        ("2026-03-28T23:00", True),  # the night in which the clocks are put forward
        ("2026-03-29T05:30", True),
    ],
)
def test_a_night_belongs_to_the_day_it_begins_on(moment, holds):
    assert ScheduleSettings.model_validate(yaml.safe_load(NIGHT)).holds(at(moment)) is holds


def test_hours_are_those_of_the_zone():
    nine_to_five = {"after": "9:00", "before": "17:00"}
    noon = at("2026-07-01T12:00", "Asia/Tokyo")
    assert ScheduleSettings.model_validate(nine_to_five | {"zone": "Asia/Tokyo"}).holds(noon)
    assert not ScheduleSettings.model_validate(nine_to_five).holds(noon)


@settings(max_examples=30)
@given(st.integers(0, 2_000_000_000), st.sampled_from(["UTC", "Europe/Berlin", "America/St_Johns"]))
def test_a_day_and_its_night_fill_the_time_without_overlap(at_s, zone):
    day = ScheduleSettings(after="06:30", before="22:00", zone=zone)
    night = ScheduleSettings(after="22:00", before="06:30", zone=zone)
    assert day.holds(at_s) is not night.holds(at_s)
    assert ScheduleSettings(zone=zone).holds(at_s)
    assert sum(ScheduleSettings(days=(one,), zone=zone).holds(at_s) for one in DAYS) == 1


def test_yaml_reads_an_unquoted_time_as_minutes():
    read = ScheduleSettings.model_validate(yaml.safe_load("{after: 22:30, before: 24:00}"))
    assert (read.after, read.before) == ("22:30", "24:00")


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"after": "22"}, "pattern"),
        ({"after": "24:30"}, "pattern"),
        ({"after": 8}, "valid string"),
        ({"after": "08:00", "before": "08:00"}, "leave them out for the whole day"),
        ({"zone": "Mars/Olympus"}, "no time zone 'Mars/Olympus'; write UTC, or one like Europe/Berlin"),
        ({"zone": "../passwd"}, "no time zone"),
        ({"days": ["friday"]}, "'mon', 'tue'"),
        ({"days": []}, "at least 1 item"),
    ],
)
def test_what_is_no_time_is_named(wrong, complaint):
    with pytest.raises(ValidationError, match=complaint):
        ScheduleSettings.model_validate(wrong)
