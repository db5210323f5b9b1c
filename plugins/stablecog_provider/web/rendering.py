"""Templates to responses."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse

HERE = Path(__file__).parent
STATIC = HERE / "static"


@cache
def environment() -> Environment:
    """Everything is escaped, and a name that a context lacks is an error."""
    made = Environment(
        loader=PackageLoader(__package__),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals["m"] = made.get_template("macros.html").module
    return made


@cache
def static_files() -> dict[str, tuple[bytes, str]]:
    """Scripts, styles and the icon, with their content types, by name."""
    kinds = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
    return {path.name: (path.read_bytes(), kinds[path.suffix]) for path in STATIC.iterdir() if path.suffix in kinds}


def page(template: str, *, status_code: int = 200, **context: Any) -> HTMLResponse:
    """Render a template with declared contexts."""
    return HTMLResponse(environment().get_template(template).render(context), status_code)
