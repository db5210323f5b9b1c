"""The image host over HTTP: complete, missing and broken images, and keys that a client must not send."""

from __future__ import annotations

from io import BytesIO

import aiohttp
import pytest
from PIL import Image

from simulator.conftest import ask, bearer
from stablecog_provider.model.object_keys import Rendition
from stablecog_provider.simulator.faults import Fault, Manner
from stablecog_provider.simulator.server import Simulator
from stablecog_provider.simulator.world import World


async def test_images_are_served_completely(simulator: Simulator, client: aiohttp.ClientSession) -> None:
    _, page = await ask(client, per_page=20)
    for output in page["outputs"]:
        async with client.get(output["image_url"]) as answer:
            body = await answer.read()
            assert answer.status == 200
            assert int(answer.headers["Content-Length"]) == len(body)
            extension = output["image_url"].rpartition(".")[2]
            assert answer.content_type == f"image/{extension}"
        with Image.open(BytesIO(body)) as picture:
            assert picture.size == (output["generation"]["width"], output["generation"]["height"])
    assert simulator.requests.images == 20
    assert simulator.requests.images_with_key == 0


async def test_an_upscaled_image_appears_with_its_address(simulator: Simulator, client: aiohttp.ClientSession) -> None:
    output = simulator.world.visible()[-1]
    path = f"/images/{output.file_name(Rendition.UPSCALED)}"
    async with client.get(path) as answer:
        assert answer.status == 404
    simulator.world.upscale(output.id, simulator.clock.now())
    _, page = await ask(client, per_page=1)
    assert page["outputs"][0]["upscaled_image_url"] == simulator.address + path
    async with client.get(path) as answer:
        assert answer.status == 200


async def test_missing_images_are_404(client: aiohttp.ClientSession) -> None:
    for name in ("unknown.jpeg", "00000000-0000-4000-8000-000000000000.png", "%2e%2e"):
        async with client.get(f"/images/{name}") as answer:
            assert answer.status == 404


async def test_a_key_sent_to_the_image_host_is_noticed(simulator: Simulator, client: aiohttp.ClientSession) -> None:
    async with client.get("/images/any.jpeg", headers=bearer()):
        pass
    assert simulator.requests.images_with_key == 1


async def test_broken_images(simulator: Simulator, client: aiohttp.ClientSession) -> None:
    output = simulator.world.visible()[0]
    name = output.file_name(Rendition.ORIGINAL)
    async with client.get(f"/images/{name}") as answer:
        whole = await answer.read()

    simulator.faults.on_image(name, Fault(Manner.TRUNCATED))
    async with client.get(f"/images/{name}") as answer:
        assert int(answer.headers["Content-Length"]) == len(whole)
        with pytest.raises(aiohttp.ClientPayloadError):
            await answer.read()

    simulator.faults.on_image(name, Fault(Manner.SHORT))
    async with client.get(f"/images/{name}") as answer:
        assert await answer.read() == whole[: len(whole) // 2]

    simulator.faults.on_image(simulator.faults.any_image, Fault(status=403))
    async with client.get(f"/images/{name}") as answer:
        assert answer.status == 403
    async with client.get(f"/images/{name}") as answer:
        assert await answer.read() == whole


async def test_images_can_have_another_host() -> None:
    world = World.generate(outputs=10, days=1)
    async with (
        Simulator(world, image_address="https://images.invalid") as simulator,
        aiohttp.ClientSession(simulator.address) as client,
    ):
        _, page = await ask(client, per_page=1)
    assert page["outputs"][0]["image_url"].startswith("https://images.invalid/images/")
