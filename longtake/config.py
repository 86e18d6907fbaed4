"""The one loader of settings: a YAML file whose sections belong to the stages; every mistake is named at once."""

from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args, get_origin

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from actors.settings import RaySettings
from longtake.api.settings import ApiSettings
from longtake.times import parse_time
from longtake.wording import plain
from longtake.yaml_lines import Document
from pipeline.alerts.settings import AlertSettings
from pipeline.control.settings import ServeSettings
from pipeline.control.wish import KINDS, Wish, absolute, check_kind, missing_variables
from pipeline.errors import LongtakeError, UsageError
from pipeline.flow import FlowSettings
from pipeline.lane_queue import DropPolicy
from pipeline.models.card import registered_models, resolve
from pipeline.source import check_name

Value = TypeVar("Value")


def _checked(check: Callable[..., Value], *arguments: Any) -> Value:
    """Make one of our checks one of pydantic's, which gathers what it finds."""
    try:
        return check(*arguments)
    except LongtakeError as error:
        raise ValueError(str(error)) from None


def _name(name: str) -> str:
    return _checked(check_name, name)


class StreamSettings(BaseModel):
    """A stream to serve."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    uri: str = Field(min_length=1, repr=False, description="where its video is; ${NAME} is taken from the environment")
    policy: DropPolicy | None = Field(default=None, description="what happens to clips the model is too slow for")
    model: str = Field(default="", description="a registered model or a model directory; by default the server's")
    fps: float | None = Field(default=None, gt=0, le=240, description="frames a second, where not as the model says")
    start_time: str | float | None = Field(default=None, description="when a recording began: date, clock or seconds")
    paused: bool = Field(default=False, description="not to be watched for now")
    realtime: bool = Field(default=False, description="read a recording no faster than it was filmed")

    @field_validator("uri")
    @classmethod
    def _readable(cls, uri: str, info: ValidationInfo) -> str:
        context = info.context or {}
        missing = missing_variables(uri, context["environ"]) if context.get("environ") is not None else []
        if missing:
            raise ValueError(f"missing in the environment: {', '.join(missing)}")
        _checked(check_kind, uri, context.get("allowed_schemes", KINDS))
        return _checked(absolute, uri)

    @field_validator("model")
    @classmethod
    def _known(cls, model: str) -> str:
        return _checked(known_model, model)

    @field_validator("start_time", mode="before")
    @classmethod
    def _a_time(cls, start_time: Any) -> Any:
        if isinstance(start_time, date):  # YAML reads dates by itself
            start_time = start_time.isoformat()
        if isinstance(start_time, str):
            _checked(parse_time, start_time)
        elif start_time is not None and not isinstance(start_time, (int, float)):
            raise ValueError(f"must be a date, a clock or seconds, got {start_time!r}")
        return start_time

    def wish(self, stream: str) -> Wish:
        """Return the wish this is for a stream of that name."""
        start_time_s = 0.0 if self.start_time is None else parse_time(str(self.start_time))
        return Wish(stream, self.uri, self.policy, self.model, self.fps, start_time_s, self.paused, self.realtime)


class Config(BaseModel):
    """Everything a config file may say."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    flow: FlowSettings = FlowSettings()
    ray: RaySettings = RaySettings()
    serve: ServeSettings = ServeSettings()
    streams: dict[Annotated[str, AfterValidator(_name)], StreamSettings] = Field(
        default={}, description="streams to serve, by name"
    )
    alerts: AlertSettings = AlertSettings()
    api: ApiSettings = ApiSettings()

    @field_validator("streams", mode="before")
    @classmethod
    def _nothing(cls, streams: Any) -> Any:
        return {} if streams is None else streams


def known_model(model: str) -> str:
    """Return a model as hosts elsewhere can find it: its registered name, or its directory's absolute path.

    Raises:
        UsageError: there is none; the message names the choices.
    """
    return model if not model or model in registered_models() else str(resolve(model).absolute())


def load(path: Path | None, environ: Mapping[str, str] | None = None) -> Config:
    """Read a config file; the defaults where there is none.

    Args:
        environ: where the variables in URIs must be set; they are not looked for where None.

    Raises:
        UsageError: the file cannot be read, is not YAML, or holds unknown keys, values out of range, sources that are
            not allowed, models or variables that do not exist. All of it is named at once, with line numbers.
    """
    if path is None:
        return Config()
    document = Document(path)
    mistakes = document.repeated()
    config = Config()
    try:
        config = Config.model_validate(document.content, context=_context(document.content, environ))
    except ValidationError as error:
        mistakes += [(document.line(one["loc"]), _sentence(one)) for one in error.errors()]
    if mistakes:
        lines = "\n".join(f"  line {line}: {sentence}" for line, sentence in sorted(mistakes))
        raise UsageError(f"the config file {path} is wrong:\n{lines}")
    return config


def _context(content: Any, environ: Mapping[str, str] | None) -> dict[str, Any]:
    """What the check of one stream must know of the rest of the file, whether or not the rest is right."""
    serve = content.get("serve") if isinstance(content, dict) else None
    allowed = serve.get("allowed_schemes") if isinstance(serve, dict) else None
    return {"environ": environ, "allowed_schemes": allowed if isinstance(allowed, list) else KINDS}


def _sentence(error: Any) -> str:
    where = ".".join(str(part) for part in error["loc"] if part != "[key]")
    if error["type"] == "extra_forbidden":
        return f"unknown key {where!r}; choose from {', '.join(_choices(error['loc'][:-1]))}"
    if error["type"] == "value_error":
        return f"{where}: {error['ctx']['error']}"
    if error["type"] == "missing":
        return f"{where} is missing"
    return f"{where} {plain(error['msg'])}, got {error['input']!r}"


def _choices(path: tuple[str, ...]) -> list[str]:
    kind: Any = Config
    for part in path:
        kind = get_args(kind)[1] if get_origin(kind) is dict else kind.model_fields[part].annotation
    return sorted(kind.model_fields)
