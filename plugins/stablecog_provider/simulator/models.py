"""The list of models: public, and only what is active at the time. One model of the generated outputs retires."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from .outputs import MODEL_IDS, SCHEDULER_IDS

NAMES = dict(zip(MODEL_IDS, ("Stable Diffusion 1.5", "Kandinsky 2.1"), strict=True))
SCHEDULER_NAMES = dict(zip(SCHEDULER_IDS, ("Euler", "K-LMS"), strict=True))
SIZES = dict(zip(MODEL_IDS, (512, 768), strict=True))
RETIRES = MODEL_IDS[1]
"""The one that retires."""


def models_document(now: datetime, retired: Mapping[str, datetime]) -> dict[str, Any]:
    """Return the body of the list. `retired`: when each model disappears from it."""
    active = [model_id for model_id in NAMES if model_id not in retired or now < retired[model_id]]
    return {
        "models": [
            {
                "id": model_id,
                "name": NAMES[model_id],
                "is_default": model_id == MODEL_IDS[0],
                "default_width": SIZES[model_id],
                "default_height": SIZES[model_id],
                "available_schedulers": [{"id": each, "name": name} for each, name in SCHEDULER_NAMES.items()],
            }
            for model_id in active
        ]
    }
