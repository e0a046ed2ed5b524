"""The API over HTTP, on a real Redis: answers, errors, ids that hold anything, and who may ask."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import jsonschema
import pytest

from pipeline.api.server import serving
from pipeline.errors import SettingsError
from pipeline.local.redis import RedisServer
from pipeline.serving import listen
from pipeline.settings import Secret, Settings
from tests.waiting import DEADLINE_S
from tests.written import NOON_MS, Written

pytestmark = pytest.mark.servers
TOKENS = "first-token-of-16, second-token-of-16"


@pytest.fixture
async def api(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an API that is served for this test."""
    async with serving(settings) as address, httpx.AsyncClient(base_url=address, timeout=DEADLINE_S) as client:
        yield client


@pytest.fixture
def written(settings: Settings) -> Written:
    """Writes pages of this test's installation."""
    return Written(settings)


async def test_account_and_post_answer_with_their_numbers(api: httpx.AsyncClient, written: Written) -> None:
    """The numbers with ratio, denominators, time and source; a post by its id alone."""
    written.account((8, 2, 0, 0, 1))
    written.post("77", (0, 2, 0, 0, 1))
    account = (await api.get("/v1/accounts/facebook/acme")).json()
    assert (account["comment_to_like"], account["as_of_ms"], account["source"]) == (0.25, NOON_MS, "events")
    assert account["denominators"]["conversation_share"] == "likes + comments + shares"
    post = (await api.get("/v1/posts/facebook/77")).json()
    assert (post["account"], post["comment_to_like"], post["conversation_share"]) == ("acme", None, 1.0)


async def test_an_answer_is_a_line(api: httpx.AsyncClient, written: Written) -> None:
    """A terminal prints what is typed next below it."""
    written.account((8, 2, 0, 0, 1))
    for path in ("/v1/accounts/facebook/acme", "/v1/accounts/facebook/nobody"):
        assert (await api.get(path)).text.endswith("}\n")


@pytest.mark.parametrize("account", ["a/posts", "https://ü.example/@a b?c#d", "a:b{1}%2F", "..", "x/series/posts"])
async def test_an_id_in_a_path_may_hold_anything(api: httpx.AsyncClient, written: Written, account: str) -> None:
    """Percent-encoded, a slash never splits an id, and `/posts` within an id is not the list of posts."""
    written.account((8, 2, 0, 0, 1), account=account)
    written.post(account, (8, 2, 0, 0, 1), account=account)
    encoded = "".join(f"%{byte:02X}" for byte in account.encode())
    assert (await api.get(f"/v1/accounts/facebook/{encoded}")).json()["id"] == account
    assert (await api.get(f"/v1/posts/facebook/{encoded}")).json()["id"] == account
    listed = (await api.get(f"/v1/accounts/facebook/{encoded}/posts?sort=ratio")).json()
    assert [post["id"] for post in listed["items"]] == [account]
    series = (await api.get(f"/v1/posts/facebook/{encoded}/series?window=1h&until_ms={NOON_MS}&limit=1")).json()
    assert (series["id"], len(series["rows"])) == (account, 1)


async def test_a_slash_that_was_decoded_on_the_way_still_works(api: httpx.AsyncClient, written: Written) -> None:
    """Some proxies decode %2F."""
    written.account((8, 2, 0, 0, 1), account="https://example.org/a")
    assert (await api.get("/v1/accounts/facebook/https://example.org/a")).json()["likes"] == 8
    assert (await api.get("/v1/accounts/facebook/https://example.org/a/posts")).json()["items"] == []


@pytest.mark.parametrize(
    ("path", "status", "detail"),
    [
        ("/v1/accounts/facebook/nobody", 404, "no account 'nobody' on facebook"),
        ("/v1/posts/facebook/none", 404, "no post 'none' on facebook"),
        ("/v1/top?platform=nope", 404, "no account on 'nope'"),
        ("/v1/alerts?platform=facebook&account=nobody", 404, "no account 'nobody' on facebook"),
        ("/v1/accounts/Face%3Abook/acme", 400, "platform is 'Face:book'; expected a slug"),
        ("/v1/accounts/facebook/acme/posts?sort=best", 400, "sort is 'best'; expected one of recent, conversation"),
        ("/v1/accounts/facebook/acme/posts?limit=0", 400, "limit is '0'; expected a number from 1 to 500"),
        ("/v1/accounts/facebook/acme/posts?limit=%C2%B2", 400, "expected a number"),
        ("/v1/accounts/facebook/acme/posts?limit=1&limit=2", 400, "limit is given 2 times; expected once"),
        ("/v1/accounts/facebook/acme/series?window=5m", 400, "window is '5m'; expected one of 1m, 1h, 1d"),
        ("/v1/accounts/facebook/acme?sort=likes", 400, "parameter is 'sort'; expected none"),
        ("/v1/top?platforms=x", 400, "parameter is 'platforms'; expected one of entity, sort"),
        ("/v1/stream?final=yes", 400, "final is 'yes'; expected true or false"),
        ("/v1/nothing", 404, "expected one of those in /openapi.json"),
    ],
)
async def test_errors_name_thing_value_and_expectation(
    api: httpx.AsyncClient, written: Written, path: str, status: int, detail: str
) -> None:
    """As problem+json, never as zeros."""
    written.account((8, 2, 0, 0, 1))
    answer = await api.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert detail in answer.json()["detail"]
    assert answer.json()["status"] == status


async def test_other_methods_are_refused(api: httpx.AsyncClient) -> None:
    """Nothing can be changed over the API."""
    answer = await api.post("/v1/top")
    assert (answer.status_code, answer.json()["detail"]) == (405, "method is 'POST'; expected GET for '/v1/top'")


async def test_top_gives_series_with_its_items(api: httpx.AsyncClient, written: Written) -> None:
    """In the order of the items, so that a table with lines is one question."""
    written.account((10, 1, 0, 0, 0), account="quiet")
    written.account((10, 9, 0, 0, 0), account="loud")
    top = (await api.get("/v1/top?series=1d&series_limit=2")).json()
    assert [item["id"] for item in top["items"]] == [series["id"] for series in top["series"]] == ["loud", "quiet"]
    assert (await api.get("/v1/top?entity=post")).json()["items"] == []


async def test_real_answers_are_as_the_document_says(api: httpx.AsyncClient, written: Written) -> None:
    """Every operation of /openapi.json, asked for real, validates against the schema it promises."""
    written.account((8, 2, 1, 0, 1), {"1m:2026-11-23T09:24": "8,2,1,0,1"}, polled={"likes": (9, 9)})
    written.post("p1", (8, 2, 1, 0, 1))
    document = (await api.get("/openapi.json")).json()
    assert document["openapi"] == "3.1.0"
    for path, operations in document["paths"].items():
        if path == "/v1/stream":
            continue
        post = path.startswith("/v1/posts")
        url = path.replace("{platform}", "facebook").replace("{id}", "p1" if post else "acme")
        for status, asked in (("200", url), ("400", f"{url}?unknown=1")):
            answer = await api.get(asked)
            assert str(answer.status_code) == status
            (content,) = operations["get"]["responses"][status]["content"].values()
            _validator(document, content["schema"]).validate(answer.json())


async def test_redis_away_is_503_with_retry_after(settings: Settings, own_redis: RedisServer) -> None:
    """And /readyz says which dependency; /livez still answers."""
    away = replace(settings, redis_url=Secret(own_redis.url))
    async with serving(away) as address, httpx.AsyncClient(base_url=address, timeout=DEADLINE_S) as api:
        assert (await api.get("/readyz")).json() == {"redis": True}
        own_redis.kill()
        answer = await api.get("/v1/top")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
        ready = await api.get("/readyz")
        assert (ready.status_code, ready.json()) == (503, {"redis": False})
        assert (await api.get("/livez")).status_code == 200


@pytest.mark.parametrize("given", [None, "Bearer", "Bearer third-token-of-16", "Basic first-token-of-16", "Bearer ü"])
async def test_without_a_known_token_nothing_is_told(settings: Settings, given: str | None) -> None:
    """401 with the challenge, also for paths that do not exist; probes, page and document need none."""
    headers = {} if given is None else {"Authorization": given.encode()}
    async with (
        serving(replace(settings, api_tokens=Secret(TOKENS))) as address,
        httpx.AsyncClient(base_url=address, timeout=DEADLINE_S) as api,
    ):
        for path in ("/v1/top", "/v1/accounts/facebook/acme", "/v1/stream", "/metrics", "/v1/none"):
            answer = await api.get(path, headers=headers)
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"].startswith("Bearer")
        for path in ("/", "/livez", "/readyz", "/openapi.json"):
            assert (await api.get(path)).status_code == 200


async def test_each_token_opens(settings: Settings) -> None:
    """Several at once, so that one can be replaced without a gap."""
    async with (
        serving(replace(settings, api_tokens=Secret(TOKENS))) as address,
        httpx.AsyncClient(base_url=address, timeout=DEADLINE_S) as api,
    ):
        for token in ("first-token-of-16", "second-token-of-16"):
            assert (await api.get("/v1/top", headers={"Authorization": f"Bearer {token}"})).status_code == 200


async def test_a_name_that_is_not_loopback_is_refused_without_tokens(api: httpx.AsyncClient) -> None:
    """A page whose own name points at 127.0.0.1 reads nothing."""
    answer = await api.get("/v1/top", headers={"Host": "evil.example:8002"})
    assert (answer.status_code, "expected a loopback host" in answer.text) == (400, True)


@pytest.mark.parametrize(
    ("host", "tokens", "message"),
    [("0.0.0.0", "", "expected tokens, or 127.0.0.1"), ("127.0.0.1", "short", "too short or too long; expected 16")],
)
async def test_it_does_not_start_open_to_others(settings: Settings, host: str, tokens: str, message: str) -> None:
    """Any address but loopback needs tokens, and tokens worth the name; the message never shows one."""
    with pytest.raises(SettingsError, match=message) as caught:
        async with serving(replace(settings, api_host=host, api_tokens=Secret(tokens))):
            pass
    assert "short'" not in str(caught.value)


async def test_an_answer_does_not_wait_44_ms_for_an_ack(settings: Settings) -> None:
    """asyncio turns Nagle's algorithm off only on sockets that name their protocol."""
    listener = listen("api", settings.api_host, 0)
    assert listener.proto == socket.IPPROTO_TCP
    with pytest.raises(SettingsError, match="cannot bind"):
        listen("api", settings.api_host, listener.getsockname()[1])
    listener.close()


async def test_the_page_runs_its_own_script_only(api: httpx.AsyncClient) -> None:
    """Its policy names the hash of the one script and style, and nothing is fetched from elsewhere."""
    answer = await api.get("/")
    policy = answer.headers["content-security-policy"]
    assert "script-src 'sha256-" in policy
    assert "'unsafe-inline'" not in policy
    assert "connect-src 'self'" in policy
    assert "innerHTML" not in answer.text
    assert "//" not in answer.text.replace("http://www.w3.org/2000/svg", "")


async def test_every_answer_carries_the_security_headers(api: httpx.AsyncClient) -> None:
    """Also errors; and no other origin may read an answer."""
    for path in ("/v1/top", "/v1/none", "/livez"):
        headers = (await api.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        assert "access-control-allow-origin" not in headers
        assert "server" not in headers


async def test_requests_are_measured_by_template_and_never_by_id(api: httpx.AsyncClient, written: Written) -> None:
    """Labels come from small closed sets."""
    written.account((8, 2, 0, 0, 1), account="very-special-id")
    await api.get("/v1/accounts/facebook/very-special-id")
    await api.get("/v1/very-special-path")
    metrics = (await api.get("/metrics")).text
    assert 'twoway_api_request_seconds_count{route="/v1/accounts/{platform}/{id}",status="2xx"}' in metrics
    assert 'twoway_api_request_seconds_count{route="none",status="4xx"}' in metrics
    assert "very-special" not in metrics


def _validator(document: dict[str, Any], schema: dict[str, Any]) -> Any:
    return jsonschema.Draft202012Validator({**schema, "components": document["components"]})
