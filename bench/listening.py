"""How many frames a second the filter of the Bluesky listener passes over, beside decoding or reading every frame.

python -m bench.listening. Frames are those of the corpus, all about others than the brand, in the mix of the network:
likes, posts, reposts, removals. The socket's own share is measured with a server in another process.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import orjson
from websockets.asyncio.server import ServerConnection, serve

from pipeline.errors import LostError
from pipeline.listening.filter import Filter
from pipeline.listening.socket import opened
from pipeline.sources.bluesky import Bluesky
from pipeline.sources.context import Context
from pipeline.sources.delivery import Connection, Delivery

PAYLOADS = Path(__file__).parents[1] / "tests" / "contract" / "payloads"
BRAND = "did:plc:brandexample222222222222"
FRAMES = 50_000
RUNS = 5
#: Of a capture of the network: seven of ten are likes; removals of likes are about a sixth of these.
MIX = {"like-create": 60, "like-delete": 10, "reply-create": 15, "repost-create": 15}
LETTERS = "abcdefghijklmnopqrstuvwxyz234567"


def main() -> None:
    chance = random.Random(1)
    frames = _frames(chance)
    mean_bytes = sum(map(len, frames)) / len(frames)
    print(f"{len(frames)} frames of {mean_bytes:.0f} bytes, none of them about the brand; best of {RUNS}\n")
    rates = {
        "json.loads of every frame": _rate(frames, json.loads),
        "msgspec.json.decode of every frame": _rate(frames, msgspec.json.decode),
        "orjson.loads of every frame": _rate(frames, orjson.loads),
        "reading every frame, without the filter": _rate(frames, _reading()),
        "filter, 1 account": _sift(frames, 1, chance),
        "filter, 500 accounts": _sift(frames, 500, chance),
        "received and sifted, 1 account": asyncio.run(_received(frames)),
    }
    slowest = rates["json.loads of every frame"]
    for name, rate in rates.items():
        print(f"{name:40} {rate:12,.0f} frames/s  {rate / slowest:5.1f} x json.loads")


def _frames(chance: random.Random) -> list[bytes]:
    texts = {name: json.loads((PAYLOADS / f"bluesky-{name}.json").read_text()) for name in MIX}
    compact = {name: json.dumps(frame, separators=(",", ":")) for name, frame in texts.items()}
    frames = []
    for name in chance.choices(list(MIX), list(MIX.values()), k=FRAMES):
        text = compact[name].replace(BRAND, _did(chance))
        frames.append(text.replace(texts[name]["did"], _did(chance)).encode())
    return frames


def _did(chance: random.Random) -> str:
    return "did:plc:" + "".join(chance.choices(LETTERS, k=24))


def _rate(frames: list[bytes], work: Callable[[bytes], object]) -> float:
    best = 0.0
    for _ in range(RUNS):
        began = time.perf_counter()
        for frame in frames:
            work(frame)
        best = max(best, len(frames) / (time.perf_counter() - began))
    return best


def _reading() -> Callable[[bytes], object]:
    """What the gateway does with a frame, without its look-ups and Kafka."""
    source, connection = Bluesky(), Connection("bench", "bluesky", "bearer", accounts=frozenset({BRAND}))

    def read(frame: bytes) -> object:
        parsed = source.parse(Delivery(frame, {}))
        list(source.references(parsed))
        return source.normalise(parsed, Context(connection, 0, lambda _, actor: actor, {}))

    return read


def _sift(frames: list[bytes], accounts: int, chance: random.Random) -> float:
    """Whole rounds, as the listener sifts them."""
    sifter, best = Filter([_did(chance) for _ in range(accounts)]), 0.0
    for _ in range(RUNS):
        began = time.perf_counter()
        for at in range(0, len(frames), 2_000):
            sifter.sift(frames[at : at + 2_000])
        best = max(best, len(frames) / (time.perf_counter() - began))
    return best


async def _received(frames: list[bytes]) -> float:
    """From the wire to the verdict, through the listener's own socket."""
    sifter = Filter([BRAND])
    with _server(frames) as port:
        async with opened(f"ws://127.0.0.1:{port}", {}) as socket:
            sifter.sift(await socket.round(10.0))
            began, number = time.perf_counter(), 0
            try:
                while True:
                    got = await socket.round(10.0)
                    sifter.sift(got)
                    number += len(got)
            except LostError:
                return number / (time.perf_counter() - began)


@contextmanager
def _server(frames: list[bytes]) -> Iterator[int]:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, frames), daemon=True)
    process.start()
    try:
        yield int(ours.recv())
    finally:
        process.terminate()
        process.join()


def _serve(pipe: object, frames: list[bytes]) -> None:
    async def give(connection: ServerConnection) -> None:
        for frame in frames:
            await connection.send(frame, text=True)

    async def run() -> None:
        async with serve(give, "127.0.0.1", 0, compression=None) as server:
            pipe.send(next(iter(server.sockets)).getsockname()[1])  # type: ignore[attr-defined]
            await server.serve_forever()

    asyncio.run(run())


if __name__ == "__main__":
    main()
