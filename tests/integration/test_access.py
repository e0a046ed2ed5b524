"""Tokens of the API on the real servers: whatever is asked, nobody reads an account that his token was not made for.

The routes are those that the application has: one that is added is asked here as well, or named as what cannot be.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from prometheus_client import REGISTRY
from starlette.routing import Route

from pipeline.alerting.state import State
from pipeline.api import hub as hub_module
from pipeline.api import tokens as tokens_module
from pipeline.api.app import build_app
from pipeline.api.hub import Hub
from pipeline.api.operations import INSIGHTS_ASKED_MAX, operations
from pipeline.api.server import serving
from pipeline.api.stream import STREAM_PATH
from pipeline.api.tokens import Tokens, hash_token
from pipeline.errors import SettingsError
from pipeline.protocol import HEAD_BYTES
from pipeline.reading import Reader
from pipeline.settings import Secret, Settings
from pipeline.slots import slot_of
from pipeline.store.alerts import state_field
from schemas.alert import encode_alert
from tests.factories import make_alert, make_update
from tests.published import Published
from tests.waiting import DEADLINE_S, wait_until_async
from tests.wire import ask, wire
from tests.written import NOON_MS, Written

pytestmark = pytest.mark.servers

OURS, MEASURED, ALL, RIVALS = (f"twoway_{name}-token-of-a-test" for name in ("ours", "measured", "all", "rivals"))
#: In the slot of the rival's account: what shares a slot shares no page.
ACME = next(name for name in map("acme{}".format, count()) if slot_of("facebook", name) == slot_of("facebook", "rival"))
#: What may be asked without a token, and holds nothing of anybody.
OPEN = {"/", "/livez", "/readyz", "/openapi.json"}


@dataclass(frozen=True)
class Guarded:
    """An API with tokens, its access file, and what writes into its Redis and Kafka."""

    api: httpx.AsyncClient
    settings: Settings
    file: Path

    async def get(self, path: str, token: str | None = OURS) -> httpx.Response:
        """Ask with a token."""
        return await self.api.get(path, headers={} if token is None else {"Authorization": f"Bearer {token}"})


def access_file(*tokens: tuple[str, list[str], bool]) -> str:
    """An access file: (token, accounts, operations) of each."""
    return "\n".join(
        f'[tokens.{token.split("-")[0]}]\nsha256 = ["{hash_token(token).hex()}"]\n'
        f"accounts = {accounts!r}\noperations = {str(operations).lower()}"
        for token, accounts, operations in tokens
    )


@pytest.fixture
async def guarded(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Guarded]:
    """Ours and a rival's account, each with all that can be asked of one."""
    monkeypatch.setattr(tokens_module, "POLL_S", 0.05)
    file = tmp_path / "access.toml"
    file.write_text(
        access_file(
            (OURS, [f"facebook:{ACME}"], False),
            (MEASURED, [], True),
            (ALL, ["*"], False),
            (RIVALS, ["facebook:rival"], False),
        )
    )
    secured = replace(settings, api_access_file=str(file))
    written = Written(settings)
    for account in (ACME, "rival"):
        written.account((4242, 11, 0, 0, 1), account=account)
        written.post(f"{account}-post", (4242, 11, 0, 0, 1), account=account)
        written.waiting(f"{account}-comment", NOON_MS, account=account, post=f"{account}-post", text=f"{account} says")
        _alert(written, account)
    async with serving(secured) as address, httpx.AsyncClient(base_url=address, timeout=DEADLINE_S) as client:
        yield Guarded(client, secured, file)


def routes(settings: Settings) -> list[str]:
    """The path of every route that the application has."""
    async_reader = Reader.connect(settings)
    made = build_app(async_reader, Hub(settings), Tokens(replace(settings, api_tokens=Secret("x" * 32)))).routes
    assert all(isinstance(route, Route) for route in made), "a mount hides its routes: ask what it serves here as well"
    return [route.path for route in made if isinstance(route, Route)]


def of(path: str, account: str, post: str) -> str:
    """The path with its parameters filled; a parameter that is not known here fails the test."""
    owner = post if path.startswith("/v1/posts/") else account
    filled = path.replace("{platform:segment}", "facebook").replace("{id:encoded}", quote(owner, safe=""))
    assert "{" not in filled, f"{path} has a parameter of which this test does not know what it names"
    return filled


async def test_no_route_answers_without_a_known_token(guarded: Guarded) -> None:
    """401 with the challenge: without one, with one that is unknown, as a password, in the URL."""
    for path in sorted({*routes(guarded.settings)} - OPEN):
        asked = of(path, ACME, f"{ACME}-post")
        for headers in (
            {},
            {"Authorization": "Bearer"},
            {"Authorization": f"Bearer {OURS}x"},
            {"Authorization": f"Bearer {OURS[:-1]}"},
            {"Authorization": f"Bearer {hash_token(OURS).hex()}"},
            {"Authorization": f"Basic {OURS}"},
            {"Authorization": f"Bearer {'a' * 5_000}"},
            {"Cookie": f"token={OURS}", "X-Api-Key": OURS},
        ):
            answer = await guarded.api.get(asked, headers=headers)
            assert (answer.status_code, answer.headers["www-authenticate"][:6]) == (401, "Bearer"), asked
        assert (await guarded.api.get(f"{asked}?token={OURS}&access_token={OURS}")).status_code == 401
    for path in OPEN:
        answer = await guarded.api.get(path)
        assert answer.status_code == 200
        assert b"4242" not in answer.content


async def test_no_route_gives_anything_of_another_account(guarded: Guarded) -> None:
    """Where it is named: 403, or of its posts 404 as of posts that do not exist. In lists: nothing of it."""
    for path in sorted({*routes(guarded.settings)} - {*OPEN, STREAM_PATH}):
        answer = await guarded.get(of(path, "rival", "rival-post"))
        if "{" in path:
            assert answer.status_code == (404 if path.startswith("/v1/posts/") else 403), path
            assert b"4242" not in answer.content
            mine = await guarded.get(of(path, ACME, f"{ACME}-post"))
            assert (mine.status_code, b"rival" in mine.content) == (200, False), path
        else:
            assert answer.status_code in {200, 403}, path
            assert b"rival" not in answer.content, path
        assert (await guarded.get(of(path, "rival", "rival-post"), RIVALS)).status_code in {200, 403}


async def test_no_parameter_reaches_another_account(guarded: Guarded) -> None:
    """Every parameter of every operation, by what it may hold: also `account`, which picks a page's slot."""
    for operation in operations(guarded.settings.windows):
        for parameter in operation.parameters:
            values = {
                "account": ["rival"],
                "platform": ["facebook"],
                "after": [f"{NOON_MS - 1}:0123456789abcdef:rival-post"],
                "entity": ["post", "account"],
            }.get(parameter.name, [*parameter.choices, "500", "1"])
            for value in values:
                platform = "&platform=facebook" if operation.name == "listAlerts" else ""
                query = f"?{parameter.name}={value}{platform if parameter.name != 'platform' else ''}"
                for path in {operation.path.replace("{id}", name) for name in (ACME, f"{ACME}-post", "rival-post")}:
                    answer = await guarded.get(path.replace("{platform}", "facebook") + query)
                    assert answer.status_code in {200, 400, 403, 404}
                    assert answer.status_code != 200 or b"rival" not in answer.content, (path, query)
                    assert parameter.name != "account" or answer.status_code == 403


async def test_a_slot_that_is_shared_shares_no_post(guarded: Guarded) -> None:
    """A post's page lies in its account's slot, which one of 256 accounts has as well: its name opens nothing."""
    for path in ("/v1/posts/facebook/rival-post", "/v1/posts/facebook/rival-post/series"):
        answer = await guarded.get(f"{path}?account={ACME}")
        assert (answer.status_code, b"4242" in answer.content) == (404, False)


async def test_another_s_post_is_answered_as_one_that_does_not_exist(guarded: Guarded) -> None:
    """Word for word: nobody learns what others post by trying ids; nor who else is counted, by a hint."""
    there = await guarded.get("/v1/posts/facebook/rival-post")
    # Of the same letters: a hint goes by likeness to what was asked for.
    nowhere = await guarded.get("/v1/posts/facebook/rvial-post")
    assert there.text.replace("rival-post", "rvial-post") == nowhere.text
    forbidden = [await guarded.get(f"/v1/accounts/facebook/{name}") for name in ("rival", "nobody")]
    assert forbidden[0].text.replace("rival", "nobody") == forbidden[1].text
    near = await guarded.get("/v1/accounts/facebook/rivals", ALL)
    assert "near it are 'rival'" in near.text


async def test_what_was_answered_to_one_is_not_held_for_another(guarded: Guarded) -> None:
    """Rankings and insights are held for a while, each for whoever may read the same."""
    for path, mine, others in (
        ("/v1/top", 2, 1),
        ("/v1/top?entity=post", 2, 1),
        ("/v1/top?series=1h", 2, 1),
    ):
        assert len((await guarded.get(path, ALL)).json()["items"]) == mine
        for token, account in ((OURS, ACME), (RIVALS, "rival")):
            items = (await guarded.get(path, token)).json()["items"]
            assert [item["account"] for item in items] == [account] * others
    insights = "/v1/accounts/facebook/rival/insights"
    assert [(await guarded.get(insights, token)).status_code for token in (ALL, OURS)] == [200, 403]


async def test_alerts_and_what_they_add_up_to_are_of_ones_own_accounts(guarded: Guarded) -> None:
    """`known` and `standing` say nothing of others."""
    for token, accounts in ((ALL, {ACME, "rival"}), (OURS, {ACME}), (MEASURED, set[str]())):
        found = (await guarded.get("/v1/alerts", token)).json()
        assert {alert["account"] for alert in found["alerts"]} == accounts
        assert (found["known"], found["standing"]) == (len(accounts), len(accounts))


async def test_the_metrics_need_a_token_made_for_them(guarded: Guarded) -> None:
    """They are of the program, not of an account; and such a token reads no account unless it says so."""
    assert [(await guarded.get("/metrics", token)).status_code for token in (OURS, ALL, MEASURED)] == [403, 403, 200]
    assert (await guarded.get("/v1/top", MEASURED)).json()["items"] == []


async def test_the_stream_gives_only_what_the_token_may_read(guarded: Guarded) -> None:
    """Whatever the filters are; an account beyond the token is refused before the stream opens."""
    published = Published(guarded.settings)
    for query in ("", "?platform=facebook", f"?account={ACME}", "?entity=post&window=1m,all"):
        async with guarded.api.stream("GET", f"/v1/stream{query}", headers=_bearer(OURS)) as answer:
            lines = answer.aiter_lines()
            assert await anext(lines)
            rows = [
                make_update(account="rival", id="r"),
                make_update(account=ACME, platform="x"),
                make_update(account=ACME),
            ]
            await asyncio.to_thread(published.updates, *rows)
            data = [line async for line in _until_data(lines)]
            assert len(data) == 1
            assert f'"account":"{ACME}"' in data[0]
            assert '"platform":"facebook"' in data[0]
    for query in ("?account=rival", f"?account={ACME}&account=rival", f"?account={ACME}&platform=x"):
        assert (await guarded.get(f"/v1/stream{query}")).status_code == 403
    published.close()


async def test_a_token_is_replaced_without_a_gap_and_without_a_restart(guarded: Guarded) -> None:
    """Both are in force while both stand in the file; a second after the old one is taken out, it opens nothing."""
    new = "twoway_the-next-token"
    hashes = f'["{hash_token(OURS).hex()}", "{hash_token(new).hex()}"]'
    _put(guarded.file, f'[tokens.ours]\nsha256 = {hashes}\naccounts = ["facebook:{ACME}"]')
    await wait_until_async(lambda: _opens(guarded, new))
    assert await _opens(guarded, OURS)
    _put(guarded.file, access_file((new, [f"facebook:{ACME}"], False)))
    await wait_until_async(lambda: _is_shut(guarded, OURS))
    assert await _opens(guarded, new)


async def test_a_stream_ends_when_its_token_is_withdrawn_or_may_read_less(guarded: Guarded) -> None:
    """Before the next update is given; whoever may still read comes back."""
    published = Published(guarded.settings)
    async with guarded.api.stream("GET", "/v1/stream", headers=_bearer(RIVALS)) as answer:
        lines = answer.aiter_lines()
        assert await anext(lines)
        _put(guarded.file, access_file((RIVALS, ["facebook:other"], False)))
        await wait_until_async(lambda: _is_shut(guarded, OURS))
        await asyncio.to_thread(published.updates, make_update(account="rival", id="r"))
        assert [line async for line in lines if line.startswith("data")] == []
    published.close()


@pytest.mark.parametrize("broken", ["[tokens", "", "[tokens.a]\nsha256 = ['x']\naccounts = ['*']", None])
async def test_a_broken_access_file_leaves_the_tokens_in_force(
    guarded: Guarded, broken: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    """It is told once, without a hash."""
    caplog.set_level(logging.WARNING, "twoway.api")
    if broken is None:
        guarded.file.unlink()
    else:
        _put(guarded.file, broken)
    await wait_until_async(lambda: "stay in force" in caplog.text)
    assert await _opens(guarded, OURS)
    assert caplog.text.count("stay in force") == 1
    assert hash_token(OURS).hex() not in caplog.text


async def test_an_empty_table_lets_nobody_in(guarded: Guarded) -> None:
    """It is the way to say so; this machine is no exception."""
    _put(guarded.file, "[tokens]\n")
    await wait_until_async(lambda: _is_shut(guarded, OURS))
    assert await _is_shut(guarded, None)


async def test_refusals_are_counted_by_their_reason(guarded: Guarded) -> None:
    """Attempts with unknown tokens are a number to put an alarm on."""
    before = {reason: _refused(reason) for reason in ("no_token", "unknown_token", "beyond")}
    await guarded.get("/v1/top", None)
    await guarded.get("/v1/top", "twoway_guessed")
    await guarded.get("/v1/accounts/facebook/rival")
    await guarded.get("/metrics")
    added = {reason: _refused(reason) - number for reason, number in before.items()}
    assert added == {"no_token": 1, "unknown_token": 1, "beyond": 2}


async def test_a_token_that_has_its_share_is_told_to_come_again(
    guarded: Guarded, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of insights and of places at the stream: 429 with when, as every problem is told; counted, and nothing else is
    refused to it."""
    monkeypatch.setattr(hub_module, "LISTENERS_MAX", 1)
    before, insights = _refused("share"), f"/v1/accounts/facebook/{ACME}/insights"
    async with guarded.api.stream("GET", "/v1/stream", headers=_bearer(RIVALS)):
        assert (await guarded.get("/v1/stream", OURS)).status_code == 503
    monkeypatch.setattr(hub_module, "LISTENERS_MAX", 2)
    async with guarded.api.stream("GET", "/v1/stream", headers=_bearer(OURS)):
        told = [await guarded.get("/v1/stream", OURS)]
    asked = [guarded.get(f"{insights}?posts={number}", OURS) for number in range(1, 3 * INSIGHTS_ASKED_MAX)]
    answers = await asyncio.gather(*asked)
    told += [answer for answer in answers if answer.status_code != 200]
    assert 1 < len(told) <= 2 * INSIGHTS_ASKED_MAX
    for answer in told:
        problem = answer.json()
        assert (answer.status_code, problem["status"], problem["title"]) == (429, 429, "Too many requests")
        assert (answer.headers["content-type"], answer.headers["retry-after"]) == ("application/problem+json", "2")
        assert "for this token; expected" in problem["detail"] or "with this token; expected" in problem["detail"]
    assert _refused("share") - before == len(told)
    assert (await guarded.get(insights, OURS)).status_code == 200


async def test_what_is_too_large_is_refused_before_anything_else(guarded: Guarded) -> None:
    """A URL, a body, and a head that never ends; no token is needed to be told."""
    assert (await guarded.get("/v1/top?platform=" + "a" * 17_000)).status_code == 414
    answer = await guarded.api.request("GET", "/v1/top", headers=_bearer(OURS), content=b"{}")
    assert (answer.status_code, answer.headers["connection"]) == (413, "close")
    begun = b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: "
    assert (await ask(guarded.api, begun + b"a" * HEAD_BYTES + b"\r\n\r\n")).status == 431
    async with wire(guarded.api) as endless:
        await endless.send(begun, *(b"a" * HEAD_BYTES for _ in range(30)))
        assert await endless.is_closed(5)


async def test_no_token_is_told_or_logged(guarded: Guarded, caplog: pytest.LogCaptureFixture) -> None:
    """Not in errors, whatever is wrong with a request, nor in any log line of it."""
    caplog.set_level(logging.DEBUG, "twoway")
    told = []
    for path in ("/v1/none", "/v1/accounts/facebook/rival", "/v1/top?limit=x", "/v1/top?token=" + OURS, "/metrics"):
        told.append((await guarded.get(path)).text)
        told.append((await guarded.get(path, OURS + "x")).text)
    assert OURS not in "".join(told) + caplog.text


@pytest.mark.parametrize("given", ["0.0.0.0", "::", "192.0.2.1", "example.org"])
def test_without_tokens_only_this_machine_is_served(given: str) -> None:
    """An address that others reach is refused at the start; an access file, or one token, opens it."""
    with pytest.raises(SettingsError, match="with neither TWOWAY_API_ACCESS_FILE nor TWOWAY_API_TOKENS"):
        Tokens(Settings(api_host=given))
    assert not Tokens(Settings(api_host=given, api_tokens=Secret("x" * 16))).is_open
    assert Tokens(Settings(api_host="127.0.0.1")).is_open


def _alert(written: Written, account: str) -> None:
    fired = make_alert(
        rule="silent", account=account, window="1h", end_ms=NOON_MS + 3_600_000, value=4242.0, threshold=1.0, sample=1,
        explanation=f"{account} is silent",
    )  # fmt: skip
    key = written.keys.alerts[slot_of("facebook", account)]
    written.redis.hset(key, state_field("silent", f"account:facebook:{account}"), encode_alert(State(fired, NOON_MS)))


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def _until_data(lines: Any) -> AsyncIterator[str]:
    """The lines of data that came, until there is one."""
    async for line in lines:
        if line.startswith("data"):
            yield line
            return


async def _opens(guarded: Guarded, token: str) -> bool:
    return (await guarded.get(f"/v1/accounts/facebook/{ACME}", token)).status_code == 200


def _put(file: Path, content: str) -> None:
    """Whole or the one before, whenever it is read."""
    part = file.with_suffix(".part")
    part.write_text(content)
    part.replace(file)


async def _is_shut(guarded: Guarded, token: str | None) -> bool:
    return (await guarded.get(f"/v1/accounts/facebook/{ACME}", token)).status_code == 401


def _refused(reason: str) -> float:
    return REGISTRY.get_sample_value("twoway_api_refused_total", {"reason": reason}) or 0.0
