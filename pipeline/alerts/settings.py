"""What is told to whom: targets, and rules that say which segments are worth an alert."""

import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Annotated, Any, Literal, Self, TypeAlias
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, model_validator

from pipeline.alerts.schedule import ScheduleSettings
from pipeline.control.wish import missing_variables

MQTT_PORTS = {"mqtt": 1883, "mqtts": 8883}
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def resolved(text: str, environ: Mapping[str, str]) -> str:
    """Return `text` with every `${NAME}` replaced; all of them are set, or the config would not have been read."""
    return _VARIABLE.sub(lambda found: environ[found[1]], text)


def _is_set(text: str, info: ValidationInfo) -> str:
    """An empty one would do harm silently: nothing would be signed with it."""
    environ = (info.context or {}).get("environ")
    filled = {name: value for name, value in (environ or {}).items() if value}
    if environ is not None and (missing := missing_variables(text, filled)):
        raise ValueError(f"missing in the environment: {', '.join(missing)}")
    return text


def _refers(value: Any) -> Any:
    """Whatever else stands there may be the secret itself, so it is not repeated."""
    if not isinstance(value, str) or not (value == "" or _VARIABLE.fullmatch(value)):
        raise ValueError("a secret does not stand in the config; write ${NAME} and set NAME in the environment")
    return value


def _web(url: str) -> str:
    return _with_host(url, ("http", "https"))


def _broker(url: str) -> str:
    if "@" in urlsplit(url).netloc:
        raise ValueError("user and password stand beside the url: user: ${NAME}, password: ${NAME}")
    return _with_host(url, tuple(MQTT_PORTS))


def _with_host(url: str, schemes: tuple[str, ...]) -> str:
    """Only the environment can tell what a URL is that begins with a variable."""
    parts = urlsplit(url)
    if not url.startswith("${") and (parts.scheme not in schemes or not parts.netloc):
        raise ValueError(f"write {' or '.join(f'{scheme}://HOST' for scheme in schemes)}, with a port or a path")
    return url


def _topic(prefix: str) -> str:
    if not prefix.strip("/") or prefix != prefix.strip("/") or set(prefix) & set("+#\0"):
        raise ValueError(f"a topic begins with words like longtake or site/longtake, without + and #; got {prefix!r}")
    return prefix


Name: TypeAlias = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
Text: TypeAlias = Annotated[str, AfterValidator(_is_set)]
Secret: TypeAlias = Annotated[str, BeforeValidator(_refers), AfterValidator(_is_set)]


class WebhookSettings(BaseModel):
    """A target that is told by HTTP POST."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: Annotated[Text, AfterValidator(_web)] = Field(
        repr=False, description="http:// or https://; ${NAME} is taken from the environment"
    )
    secret: Secret = Field(default="", repr=False, description="key of the signature, as ${NAME}; without: not signed")
    timeout_s: float = Field(default=10.0, gt=0, le=60, description="how long it may take to answer")


class MqttSettings(BaseModel):
    """A target that is told by an MQTT broker."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: Annotated[Text, AfterValidator(_broker)] = Field(
        repr=False, description="mqtt://HOST:PORT, or mqtts:// with TLS; ${NAME} is taken from the environment"
    )
    user: Text = Field(default="", repr=False, description="name to log in with")
    password: Secret = Field(default="", repr=False, description="as ${NAME}")
    prefix: Annotated[str, AfterValidator(_topic)] = Field(
        default="longtake", description="what topics begin with: PREFIX/STREAM/events"
    )
    home_assistant: bool = Field(
        default=False, description="keep a binary sensor for each stream and label of its rules in Home Assistant"
    )
    timeout_s: float = Field(default=10.0, gt=0, le=60, description="how long it may take to answer")


class RuleSettings(BaseModel):
    """Which segments are worth an alert, and to whom."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    labels: tuple[str, ...] = Field(min_length=1, description="labels it is about")
    streams: tuple[str, ...] = Field(default=("*",), min_length=1, description="names or patterns, as dock-*")
    when: Literal["opened", "closed"] = Field(
        default="opened", description="as soon as an open segment is worth it, or once it is final"
    )
    min_score: float = Field(default=0.0, ge=0, le=1, description="least mean score")
    min_length_s: float = Field(default=0.0, ge=0, description="least length")
    schedule: ScheduleSettings = ScheduleSettings()
    cool_down_s: float = Field(
        default=0.0, ge=0, description="for so long after an alert it stays silent about the stream"
    )
    targets: tuple[str, ...] = Field(min_length=1, description="who is told: names of webhooks and of mqtt")

    def covers(self, stream: str, label: str) -> bool:
        """Tell whether segments of that label in that stream may be worth an alert."""
        return label in self.labels and self.watches(stream)

    def watches(self, stream: str) -> bool:
        """Tell whether it is about that stream."""
        return any(fnmatchcase(stream, pattern) for pattern in self.streams)


class AlertSettings(BaseModel):
    """Who is told of what, and how long it is tried."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    webhooks: dict[Name, WebhookSettings] = Field(default={}, description="targets by HTTP POST, by name")
    mqtt: dict[Name, MqttSettings] = Field(default={}, description="targets by MQTT, by name")
    rules: dict[Name, RuleSettings] = Field(default={}, description="what is worth an alert, by name")
    retry_s: float = Field(default=1.0, gt=0, description="longest wait after a target failed once; waits double")
    retry_cap_s: float = Field(default=60.0, gt=0, description="up to here")
    give_up_s: float = Field(default=3600.0, gt=0, description="what could not be delivered for so long is dead")
    waiting: int = Field(default=10_000, ge=1, description="what may wait for a target; beyond, the oldest is dropped")
    dead: int = Field(default=1_000, ge=1, description="dead alerts kept for a target; beyond, the oldest is dropped")

    @model_validator(mode="after")
    def _known_targets(self) -> Self:
        if both := sorted(self.webhooks.keys() & self.mqtt.keys()):
            raise ValueError(f"{', '.join(both)}: a webhook and an mqtt target need different names")
        for name, rule in self.rules.items():
            for unknown in (one for one in rule.targets if one not in self.targets):
                choices = ", ".join(self.targets) or "none yet; add webhooks or mqtt"
                raise ValueError(f"rule {name!r} names the target {unknown!r}; there are: {choices}")
        return self

    @property
    def targets(self) -> tuple[str, ...]:
        """Names of all targets, sorted."""
        return tuple(sorted({*self.webhooks, *self.mqtt}))

    def watches(self, stream: str) -> bool:
        """Tell whether any rule is about that stream."""
        return any(rule.watches(stream) for rule in self.rules.values())
