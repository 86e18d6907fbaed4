"""The section `alerts` of the config: what is wrong is named, and no secret is repeated."""

from itertools import takewhile

import pytest

from longtake.config import load
from pipeline.alerts.settings import resolved
from pipeline.errors import UsageError
from tests.conftest import REPOSITORY

GOOD = """
alerts:
  webhooks:
    desk: {url: "https://desk.example/hooks?token=${DESK_TOKEN}", secret: "${DESK_SECRET}"}
  mqtt:
    house: {url: "mqtts://broker.example", user: "${MQTT_USER}", password: "${MQTT_PASSWORD}", home_assistant: true}
  rules:
    falls:
      labels: [fall]
      streams: [ward-*]
      min_length_s: 2
      schedule: {days: [sat, sun], after: 22:00, before: 06:00, zone: Europe/Berlin}
      targets: [desk, house]
"""
ENVIRON = {name: f"hidden-{name}" for name in ("DESK_TOKEN", "DESK_SECRET", "MQTT_USER", "MQTT_PASSWORD")}


def loaded(tmp_path, text, environ=ENVIRON):
    path = tmp_path / "longtake.yaml"
    path.write_text(text)
    return load(path, environ).alerts


def test_rules_and_targets_are_read_and_their_secrets_stay_in_the_environment(tmp_path):
    read = loaded(tmp_path, GOOD)
    assert read.targets == ("desk", "house")
    assert read.rules["falls"].schedule.after == "22:00"
    assert "hidden" not in repr(read) + read.model_dump_json()
    assert resolved(read.webhooks["desk"].secret, ENVIRON) == "hidden-DESK_SECRET"


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        (
            "secret: ",
            "secrte: ",
            "line 4: unknown key 'alerts.webhooks.desk.secrte'; choose from secret, timeout_s, url",
        ),
        (
            "min_length_s",
            "min_length",
            "line 11: unknown key 'alerts.rules.falls.min_length'; choose from cool_down_s,",
        ),
        ("after: ", "from: ", "line 12: unknown key 'alerts.rules.falls.schedule.from'; choose from after, before, da"),
        ("[desk, house]", "[desk, hoose]", "rule 'falls' names the target 'hoose'; there are: desk, house"),
        ("house: {", "desk: {", "alerts: desk: a webhook and an mqtt target need different names"),
        ("https://desk", "ftp://desk", "alerts.webhooks.desk.url: write http://HOST or https://HOST"),
        ("mqtts://", "mqtts://me:hidden@", "alerts.mqtt.house.url: user and password stand beside the url"),
        (
            '"${DESK_SECRET}"',
            "hidden",
            "alerts.webhooks.desk.secret: a secret does not stand in the config; write ${NAM",
        ),
        (
            '"${DESK_SECRET}"',
            "12345",
            "alerts.webhooks.desk.secret: a secret does not stand in the config; write ${NAM",
        ),
        ('"${MQTT_PASSWORD}"', "hidden", "alerts.mqtt.house.password: a secret does not stand in the config"),
        ("[fall]", "[]", "alerts.rules.falls.labels"),
        ("    desk:", "    two desks:", "alerts.webhooks.two desks must match pattern"),
        ("home_assistant", "prefix: a/#, home_assistant", "alerts.mqtt.house.prefix: a topic begins with words like"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, old, new, complaint):
    with pytest.raises(UsageError) as raised:
        loaded(tmp_path, GOOD.replace(old, new))
    assert complaint in str(raised.value)
    assert "hidden" not in str(raised.value) and "12345" not in str(raised.value)


def test_variables_that_are_missing_are_named(tmp_path):
    with pytest.raises(UsageError, match=r"alerts\.mqtt.house\.user: missing in the environment: MQTT_USER"):
        loaded(tmp_path, GOOD, {name: value for name, value in ENVIRON.items() if name != "MQTT_USER"})
    with pytest.raises(UsageError, match=r"desk\.secret: missing in the environment: DESK_SECRET"):
        loaded(tmp_path, GOOD, ENVIRON | {"DESK_SECRET": ""})
    assert loaded(tmp_path, GOOD, None).targets == ("desk", "house")


def test_the_complete_section_of_the_docs_is_right(tmp_path):
    page = (REPOSITORY / "docs" / "alerts.md").read_text()
    _, _, rest = page.partition("## A complete section\n\n")
    text = "\n".join(line[4:] for line in takewhile(lambda line: line.startswith("    "), rest.splitlines()))
    read = loaded(tmp_path, text)
    assert set(read.rules) == {"falls", "loitering-at-night"} and read.mqtt["house"].home_assistant
    assert read.rules["loitering-at-night"].schedule.after == "22:00"
