"""The API against its own OpenAPI document, by schemathesis: whatever the document allows or forbids is asked.

No 5xx, only statuses, types and bodies that the document names, and what it forbids is refused. Not everything that it
allows makes sense (an account without its platform): that is a 400, too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.checks import positive_data_acceptance

from pipeline.api.stream import STREAM_PATH
from pipeline.local.children import Child
from pipeline.local.ports import free_ports
from pipeline.settings import Settings
from tests.commands import TWOWAY, environment
from tests.waiting import DEADLINE_S, wait_until
from tests.written import Written

pytestmark = pytest.mark.servers

#: Ids and platforms that are there, so that not every answer is a 404.
KNOWN = {"platform": "facebook", "id": "acme"}
STREAM_TYPES = {
    200: "text/event-stream",
    400: "application/problem+json",
    414: "application/problem+json",
    503: "application/problem+json",
}
#: What the document forbids may be too long as well: that is seen first. The others are schemathesis' own.
REFUSALS = [400, 401, 403, 404, 414, "5xx"]
CONFIG = SchemathesisConfig.from_dict({"checks": {"negative_data_rejection": {"expected-statuses": REFUSALS}}})


@pytest.fixture
def api(settings: Settings, start_child: Callable[..., Child]) -> str:
    """The address of an API as its users start it, with an account and a post to ask for."""
    written = Written(settings)
    written.account((8, 2, 1, 0, 1), {"1m:2026-11-23T09:24": "8,2,1,0,1"}, polled={"likes": (9, 9)})
    written.post("acme", (8, 2, 1, 0, 1))
    (port,) = free_ports(1)
    child = start_child("api", [*TWOWAY, "api"], environment(settings, TWOWAY_API_PORT=str(port)))
    address = f"http://127.0.0.1:{port}"
    wait_until(lambda: _is_ready(address))
    assert child.is_running()
    return address


def _is_ready(address: str) -> bool:
    try:
        return httpx.get(f"{address}/readyz", timeout=DEADLINE_S).status_code == 200
    except httpx.TransportError:
        return False


@pytest.mark.parametrize("number", [2, pytest.param(400, marks=pytest.mark.prove)])
def test_every_answer_is_as_the_document_says(api: str, number: int) -> None:
    """Every operation, with parameters as the document has them and with others."""
    schema = schemathesis.openapi.from_dict(httpx.get(f"{api}/openapi.json", timeout=DEADLINE_S).json(), config=CONFIG)
    asked = set()
    with httpx.Client(base_url=api, timeout=DEADLINE_S) as client:
        for result in schema.get_all_operations():
            operation = result.ok()
            asked.add(operation.path)
            for mode in GenerationMode:
                _ask(operation, mode, api, client, number)
    assert STREAM_PATH in asked
    assert len(asked) >= 10


def _ask(operation: Any, mode: GenerationMode, api: str, client: httpx.Client, number: int) -> None:
    @examples(
        max_examples=number,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink],
    )
    @given(case=operation.as_strategy(generation_mode=mode), known=st.booleans())
    def each(case: Any, known: bool) -> None:
        if known and mode is GenerationMode.POSITIVE and case.path_parameters:
            case.path_parameters = {**case.path_parameters, **KNOWN}
        if operation.path == STREAM_PATH:
            _open_stream(case, api, client)
        else:
            case.call_and_validate(base_url=api, excluded_checks=[positive_data_acceptance])

    each()


def _open_stream(case: Any, api: str, client: httpx.Client) -> None:
    """It has no end: only its beginning is looked at."""
    sent = case.as_transport_kwargs(base_url=api)
    with client.stream(sent["method"], sent["url"], params=sent.get("params"), headers=sent.get("headers")) as answer:
        assert answer.headers["content-type"].startswith(STREAM_TYPES[answer.status_code])
