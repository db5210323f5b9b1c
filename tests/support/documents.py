"""Elements of `outputs` in both dialects of the source. Keywords replace or add members of the output."""

from __future__ import annotations

from typing import Any

Document = dict[str, Any]


def documented(generation: Document | None = None, **members: Any) -> Document:
    """Return an output as the API documentation shows it: no times on the output, siblings inside the generation."""
    output = {
        "id": "563b8beb-c158-4665-b629-6daf7f12088d",
        "image_url": "https://b.stablecog.com/f321ad86-f17e-4588-b426-43fcfe6f0128.jpeg",
        "gallery_status": "not_submitted",
        "is_favorited": False,
        "was_auto_submitted": False,
    }
    requested = {
        "id": "9ef99e16-b906-4754-9f76-f24f939ee83e",
        "height": 768,
        "width": 512,
        "inference_steps": 30,
        "seed": 267064719,
        "status": "succeeded",
        "guidance_scale": 7,
        "scheduler_id": "b7224e56-1440-43b9-ac86-66d66f9e8c91",
        "model_id": "22b0857d-7edc-4d00-9cd9-45aa509db093",
        "created_at": "2023-05-27T01:30:40.7934Z",
        "updated_at": "2023-05-27T01:30:46.746645Z",
        "started_at": "2023-05-27T01:30:40.880073Z",
        "completed_at": "2023-05-27T01:30:47.170866Z",
        "is_favorited": False,
        "outputs": [dict(output), dict(output, id="963e704f-93ee-4a37-9d53-478bd49b7fed")],
        "prompt": {"id": "b0106b9a-f210-4e9d-b391-4de3a2d51a00", "text": "red cat wearing a purple hat"},
        "was_auto_submitted": False,
    }
    return {**output, "generation": requested | (generation or {}), **members}


def current(generation: Document | None = None, **members: Any) -> Document:
    """Return an output as the service's server sends it: times, likes and more, no siblings."""
    document = documented()
    requested = {
        key: value
        for key, value in document.pop("generation").items()
        if key not in ("status", "updated_at", "outputs", "is_favorited", "was_auto_submitted")
    }
    requested |= {
        "num_outputs": 4,
        "negative_prompt": {"id": "7c7b4d9a-0b6f-4f57-8a4e-0f6c2a9b7a11", "text": "dogs"},
        "prompt_strength": 0.25,
        "init_image_url": "https://store.example/in.png?X-Amz-Signature=5ec4e7",
        "user": {"username": "somebody", "identifier": "some-body"},
    }
    times = {"created_at": "2023-05-27T01:30:47.2Z", "updated_at": "2023-05-28T00:00:00Z"}
    social = {"is_public": True, "like_count": 2, "is_liked": False}
    return {**document, **times, **social, "generation": requested | (generation or {}), **members}
