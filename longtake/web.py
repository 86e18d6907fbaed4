"""`longtake web`: the page and the HTTP API over what is stored, where nobody watches streams."""

import webbrowser
from typing import Annotated

import typer

from longtake.api.serving import serving
from longtake.api.settings import LOOPBACK, PORT, ApiSettings, Backend
from longtake.config import load
from longtake.output import messages
from longtake.query import ConfigOption, StoreOption
from longtake.stopping import asked_to_stop
from longtake.stores import open_store

HttpPortOption = Annotated[
    int | None,
    typer.Option("--http-port", min=0, max=65535, help=f"Serve the page and the API here; 0 is off (default: {PORT})."),
]
HttpHostOption = Annotated[
    str | None,
    typer.Option(
        "--http-host", help=f"Address to serve them on (default: {LOOPBACK}); others than loopback want tokens."
    ),
]
CorsOption = Annotated[
    list[str] | None, typer.Option("--cors-origin", help="Another site whose pages may ask, once for each.")
]


def web(
    config: ConfigOption = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help=f"Port to listen on (default: {PORT}).")] = None,
    host: Annotated[str | None, typer.Option(help=f"Address to listen on (default: {LOOPBACK}).")] = None,
    cors_origin: CorsOption = None,
    store: StoreOption = None,
    store_wait: Annotated[float, typer.Option(min=0, help="Seconds to wait for a store that is still starting.")] = 0,
    show: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
) -> None:
    """Serve the page and the API over what is stored, until Ctrl-C."""
    settings = load(config)
    api = chosen(settings.api, port, host, cors_origin)
    with (
        open_store(store, store_wait) as opened,
        asked_to_stop() as stop,
        serving(Backend(opened, api, settings.serve)) as url,
    ):
        messages.print(f"{url}   Ctrl-C stops", highlight=False)
        if show:
            webbrowser.open(url)
        stop.wait()


def chosen(settings: ApiSettings, port: int | None, host: str | None, origins: list[str] | None) -> ApiSettings:
    """Return the settings with what was chosen on the command line."""
    given = {"port": port, "host": host, "cors_origins": tuple(origins) if origins else None}
    return settings.model_copy(update={name: value for name, value in given.items() if value is not None})
