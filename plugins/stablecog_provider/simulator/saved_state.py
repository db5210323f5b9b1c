"""A simulation in a file: its clock, and what was changed. A restart with the same file continues it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from ..errors import ConfigurationError
from .control import ACTIONS
from .documents import format_go
from .listing import parse_rfc3339
from .scene import Scene


class SavedState:
    """`world`: what the world was generated from; a file of another world is refused. `wall`: seconds since the epoch.

    The file has the simulated instant of one real instant. So a clock that runs does so while the simulator is stopped, and
    nothing is lost if the simulator is killed. Planned faults and fault rates are not saved.
    """

    def __init__(self, path: Path, world: dict[str, Any], wall: Callable[[], float] = time.time) -> None:
        self._path, self._world, self._wall = path, world, wall

    def continue_in(self, scene: Scene) -> None:
        """Restore what the file has, and save every change from now on. Raises ConfigurationError."""
        try:
            if self._path.exists():
                self._restore(scene, json.loads(self._path.read_text()))
            self._save(scene)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ConfigurationError(
                f"{self._path} is not the state of a simulation: {type(error).__name__}: {error}",
                hint="remove the file to start from the beginning, or name another one",
            ) from None
        except OSError as error:
            raise ConfigurationError(
                f"the state of the simulation cannot be kept in {self._path}: {error.strerror}",
                hint="name a file in a folder that exists and can be written",
            ) from None
        scene.on_change = lambda: self._save(scene)

    def _restore(self, scene: Scene, saved: dict[str, Any]) -> None:
        if saved["world"] != self._world:
            differ = [name for name in self._world if saved["world"].get(name) != self._world[name]]
            raise ConfigurationError(
                f"{self._path} is the state of another simulation: {', '.join(differ)} differ",
                hint="start it with the same options, or name another file",
            )
        for change in saved["changes"]:
            ACTIONS[change["action"]](scene, change["id"], change["body"])
        scene.changes.extend(saved["changes"])
        passed = max(self._wall() - float(saved["clock"]["real"]), 0.0) * scene.clock.rate
        scene.clock.set(parse_rfc3339(saved["clock"]["simulated"]) + timedelta(seconds=passed))

    def _save(self, scene: Scene) -> None:
        document = {
            "world": self._world,
            "clock": {"simulated": format_go(scene.clock.now()), "real": self._wall()},
            "changes": scene.changes,
        }
        half = self._path.with_name(self._path.name + ".half")
        half.write_text(json.dumps(document))
        half.replace(self._path)
