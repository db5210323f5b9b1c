"""Generations and outputs, with everything that will happen to them."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from uuid import UUID

from ..model.object_keys import Rendition
from . import prompts
from .history import Timing

FORMATS = ("jpeg", "png", "webp")
MODEL_IDS = ("22b0857d-7edc-4d00-9cd9-45aa509db093", "986d447d-c38b-4218-a2c8-6e0b691f47ec")
SCHEDULER_IDS = ("b7224e56-1440-43b9-ac86-66d66f9e8c91", "6fb13b76-9900-4fa4-abf8-8f843e034a7f")
SIZES = ((768, 768), (768, 768), (768, 768), (512, 768), (768, 512), (1024, 1024))
"""Width and height in pixels, the most frequent one first."""
UPSCALE_FACTOR = 4
_STATUSES = ("submitted", "waiting_for_approval", "approved", "rejected")


@dataclass(frozen=True, slots=True)
class Prompt:
    id: str
    text: str


@dataclass(frozen=True, slots=True)
class SimulatedGeneration:
    """One request for 1 to 4 images. `init_image`: name of an image to start from. `user`: a name and an e-mail address."""

    id: str
    requested: datetime
    started: datetime
    completed: datetime
    prompt: Prompt
    negative_prompt: Prompt | None
    init_image: str | None
    prompt_strength: float | None
    user: tuple[str, str] | None
    model_id: str
    scheduler_id: str
    seed: int
    width: int
    height: int
    guidance_scale: float
    inference_steps: int
    num_outputs: int


@dataclass(slots=True)
class SimulatedOutput:
    """One image and its history. Events may be in the future of the clock, so methods take `now`."""

    id: str
    generation: SimulatedGeneration
    created_at: datetime
    image_name: str
    upscaled_name: str
    extension: str
    upscaled_at: datetime | None = None
    deleted_at: datetime | None = None
    image_vanishes: bool = False
    """Whether its images vanish from the image host when it is deleted."""
    favourites: list[tuple[datetime, bool]] = field(default_factory=list)
    gallery: list[tuple[datetime, str]] = field(default_factory=list)

    @property
    def g(self) -> datetime:
        return self.generation.requested

    @property
    def o(self) -> datetime:
        return self.created_at

    def is_visible(self, now: datetime) -> bool:
        return self.o <= now and (self.deleted_at is None or now < self.deleted_at)

    def is_favourite(self, now: datetime) -> bool:
        before = [value for at, value in self.favourites if at <= now]
        return before[-1] if before else False

    def gallery_status(self, now: datetime) -> str:
        before = [status for at, status in self.gallery if at <= now]
        return before[-1] if before else "not_submitted"

    def is_upscaled(self, now: datetime) -> bool:
        return self.upscaled_at is not None and self.upscaled_at <= now

    def updated_at(self, now: datetime) -> datetime:
        changes = [self.created_at, *(at for at, _ in self.favourites), *(at for at, _ in self.gallery)]
        if self.upscaled_at:
            changes.append(self.upscaled_at)
        changes.sort()
        return changes[max(bisect_right(changes, now) - 1, 0)]

    def file_name(self, rendition: Rendition) -> str:
        """Return the name on the image host. Upscaled images are always JPEG."""
        if rendition is Rendition.UPSCALED:
            return f"{self.upscaled_name}.jpeg"
        return f"{self.image_name}.{self.extension}"

    def has_image(self, rendition: Rendition, now: datetime) -> bool:
        """Return whether the image host serves it at `now`."""
        if now < self.o or (rendition is Rendition.UPSCALED and not self.is_upscaled(now)):
            return False
        return self.is_visible(now) or not self.image_vanishes


def new_id(random: Random) -> str:
    return str(UUID(int=random.getrandbits(128), version=4))


def make_generation(random: Random, timing: Timing) -> SimulatedGeneration:
    width, height = random.choice(SIZES)
    negative = prompts.negative_prompt(random)
    init_image = new_id(random) if random.random() < 0.1 else None
    return SimulatedGeneration(
        id=new_id(random),
        requested=timing.requested,
        started=timing.requested + (min(timing.completed) - timing.requested) * random.uniform(0.01, 0.05),
        completed=max(timing.completed),
        prompt=Prompt(new_id(random), prompts.prompt(random)),
        negative_prompt=Prompt(new_id(random), negative) if negative is not None else None,
        init_image=init_image,
        prompt_strength=round(random.uniform(0.1, 0.9), 2) if init_image else None,
        user=("maker", "maker@simulator.invalid") if random.random() < 0.3 else None,
        model_id=random.choice(MODEL_IDS),
        scheduler_id=random.choice(SCHEDULER_IDS),
        # A reader that parses numbers as floats damages seeds above 2**53.
        seed=random.getrandbits(63) if random.random() < 0.2 else random.getrandbits(31),
        width=width,
        height=height,
        guidance_scale=random.choice((7, 7, 7.5, 12.25)),
        inference_steps=random.choice((30, 30, 50)),
        num_outputs=len(timing.completed),
    )


def make_output(random: Random, generation: SimulatedGeneration, created_at: datetime) -> SimulatedOutput:
    """Return an output to which nothing happens after it has completed."""
    return SimulatedOutput(
        id=new_id(random),
        generation=generation,
        created_at=created_at,
        image_name=new_id(random),
        upscaled_name=new_id(random),
        extension=random.choices(FORMATS, weights=(90, 5, 5))[0],
    )


DELETIONS = 0.03
"""Share of the outputs that are deleted within 30 days."""


def live(random: Random, output: SimulatedOutput, deletions: float = DELETIONS) -> SimulatedOutput:
    """Give an output a random history: some are liked, shown, upscaled weeks later or deleted."""

    def later(days: float) -> datetime:
        return output.created_at + timedelta(seconds=random.uniform(1, days * 86400))

    if random.random() < 0.1:
        output.favourites = sorted({later(10): True, later(30): False}.items())[: random.randint(1, 2)]
    if random.random() < 0.1:
        submitted = later(5)
        output.gallery = [(submitted, _STATUSES[random.randint(0, 1)])]
        if random.random() < 0.5:
            output.gallery.append((submitted + timedelta(hours=random.uniform(1, 72)), random.choice(_STATUSES[2:])))
    if random.random() < 0.03:
        output.upscaled_at = later(21)
    if random.random() < deletions:
        output.deleted_at, output.image_vanishes = later(30), random.random() < 0.5
    return output
