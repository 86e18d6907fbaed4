"""The one loader of settings: a YAML file whose sections belong to the stages; every wrong key is named at once."""

from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from actors.settings import RaySettings
from pipeline.errors import UsageError
from pipeline.flow import FlowSettings


class Config(BaseModel):
    """Everything a config file may say."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    flow: FlowSettings = FlowSettings()
    ray: RaySettings = RaySettings()


def load(path: Path | None) -> Config:
    """Read a config file; the defaults where there is none.

    Raises:
        UsageError: the file cannot be read, is not YAML, or holds unknown keys or values out of range.
    """
    if path is None:
        return Config()
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"the config file {path} cannot be read: {error}") from None
    except yaml.YAMLError as error:
        raise UsageError(f"the config file {path} is not YAML: {error}") from None
    try:
        return Config.model_validate(document)
    except ValidationError as error:
        lines = [_sentence(one) for one in error.errors()]
        raise UsageError(f"the config file {path} is wrong:\n" + "\n".join(f"  {line}" for line in lines)) from None


def _sentence(error: Any) -> str:
    where = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        return f"unknown key {where!r}; choose from {', '.join(_choices(error['loc'][:-1]))}"
    return f"{where}: {error['msg']}, got {error['input']!r}"


def _choices(path: tuple[str, ...]) -> list[str]:
    model: type[BaseModel] = Config
    for part in path:
        annotation = model.model_fields[part].annotation
        assert isinstance(annotation, type) and issubclass(annotation, BaseModel)
        model = annotation
    return sorted(model.model_fields)
