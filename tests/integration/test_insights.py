"""The insights of an account by every way of reading, from pages, texts and sets of actors in a real Redis."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree import ElementTree

import httpx
import msgspec
import pytest
import typer
from typer.testing import CliRunner

from pipeline.api.server import serving
from pipeline.cli import insights as command
from pipeline.clock import wall_clock
from pipeline.counting.labelled import Labelled
from pipeline.counting.members import hash_id
from pipeline.errors import NotFoundError, QueryError
from pipeline.feeding.sender import open_sender
from pipeline.insights import Insights
from pipeline.local.children import Child
from pipeline.reading import Client, Reader, voices
from pipeline.settings import Settings
from pipeline.store.texts import day_of, encode_text, mark_of
from tests.commands import TWOWAY, environment, run_program
from tests.factories import make_interaction
from tests.integration.work import proven
from tests.waiting import DEADLINE_S
from tests.written import Written

pytestmark = pytest.mark.servers
ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "insights.md").read_text(encoding="utf-8")
DAY_MS = 86_400_000


class Talked:
    """An account of 24 posts: 12 ask and get 6 comments each, 12 state and get 2. Eight people, 1,000 followers."""

    def __init__(self, settings: Settings, account: str = "acme") -> None:
        self.written = Written(settings)
        self.keys, self.redis = self.written.keys, self.written.redis
        self.account = account
        self.slot = self.keys.slot("facebook", account)
        self.now_ms = wall_clock()
        for number in range(12):
            self.post(f"q{number}", "What would you like us to bake next? #bread", comments=6, likes=4)
            self.post(f"s{number}", "Our new bread is here.", comments=2, likes=8)
        counts = (144, 96, 0, 0, 24)
        self.written.account(counts, account=account, polled={"followers": (1_000, self.now_ms)}, last_ms=self.now_ms)

    def post(self, post: str, text: str, comments: int, likes: int) -> None:
        """A post with its labels, the texts of its comments, and who did something there."""
        self.written.post(post, (likes, comments, 0, 0, 1), account=self.account, last_ms=self.now_ms)
        published = make_interaction(
            kind="post", post=post, account=self.account, text=text, media="image", time_ms=self.now_ms - DAY_MS
        )
        fields = Labelled.of(published).fields()
        self.redis.hset(
            self.keys.post(self.slot, "facebook", post), mapping=dict(zip(fields[::2], fields[1::2], strict=True))
        )
        for number in range(comments):
            self.comment(post, f"u{number}", "More rye please" if post.startswith("q") else "Where is the parking")
        actors = [f"u{number}" for number in range(max(comments, likes))]
        for key in (
            self.keys.engaged_post(self.slot, "facebook", post),
            self.keys.engaged(self.slot, "facebook", self.account, "all"),
            self.keys.engaged(self.slot, "facebook", self.account, f"1d:{day_of(self.now_ms - 3 * DAY_MS)}"),
        ):
            self.redis.pfadd(key, *actors)

    def comment(self, post: str, actor: str, text: str, age_ms: int = DAY_MS) -> None:
        """The text of a comment, kept under the day on which it was written."""
        time_ms = self.now_ms - age_ms
        said = make_interaction(
            kind="comment",
            post=post,
            account=self.account,
            actor=actor,
            text=text,
            time_ms=time_ms,
            id=f"{post}/{actor}",
        )
        key = self.keys.texts(self.slot, "facebook", self.account, day_of(time_ms))
        self.redis.hset(key, mark_of(hash_id(said.id)), encode_text(said, time_ms))


@pytest.fixture
def talked(settings: Settings) -> Talked:
    """The account in the Redis of this test's installation."""
    return Talked(settings)


@pytest.fixture
def shell(settings: Settings) -> Iterator[typer.Typer]:
    """The command alone, with the environment that leads to this test's Redis."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TWOWAY_REDIS_URL", settings.redis_url.reveal())
        patch.setenv("TWOWAY_KEY_PREFIX", settings.key_prefix)
        app = typer.Typer()
        command.register(app)
        yield app


async def test_insights_are_read_from_pages_texts_and_sets(settings: Settings, talked: Talked) -> None:
    """Open questions get three times the comments; eight of 1,000 did something; `rye` is said where people talk."""
    async with Reader.connect(settings) as reader:
        found = await reader.insights("facebook", talked.account)
    assert (found.considered.posts, found.considered.labelled, found.considered.comments) == (24, 24, 96)
    assert (found.question.posts, found.question.other_posts, found.question.lift) == (12, 12, 3.0)
    assert (found.rates.conversation.per_post, found.rates.conversation.per_1000_followers) == (4.0, 4.0)
    assert [(one.of, one.value, one.engaged) for one in found.silence] == [
        ("account", "all", 8),
        ("account", "1d", 0),
        ("account", "7d", 8),
        ("account", "30d", 8),
        ("media", "image", 8),
        ("question", "open", 6),
        ("question", "statement", 8),
    ]
    assert found.silence[0].silent_share == 0.992
    assert [word.word for word in found.words.conversation] == ["rye"]
    starter = found.starters[0]
    assert (starter.question, starter.comments, starter.talkers, starter.hashtags) == (True, 6, 6, ["bread"])
    assert found.as_of_ms == talked.now_ms


async def test_only_the_newest_posts_are_looked_at_where_so_many_are_asked_for(
    settings: Settings, talked: Talked
) -> None:
    """The answer says of how many; numbers out of range are refused, unknown accounts are not zeros."""
    async with Reader.connect(settings) as reader:
        found = await reader.insights("facebook", talked.account, posts=5)
        assert (found.considered.posts, found.considered.posts_known, found.question.note) == (5, 24, "too few posts")
        with pytest.raises(QueryError, match="limit is 501; expected 1 to 500"):
            await reader.insights("facebook", talked.account, posts=501)
        with pytest.raises(NotFoundError):
            await reader.insights("facebook", "nobody")


async def test_comments_are_bounded_in_number_and_age(
    settings: Settings, talked: Talked, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Older ones than 30 days are left out; that there are more than are read is said."""
    talked.comment("q0", "old", "rye", age_ms=31 * DAY_MS)
    talked.redis.hset(
        talked.keys.texts(talked.slot, "facebook", talked.account, day_of(talked.now_ms)),
        "0" * 16,
        encode_text(make_interaction(kind="comment", account=talked.account, text=None), talked.now_ms),
    )
    async with Reader.connect(settings) as reader:
        found = await reader.insights("facebook", talked.account)
        assert (found.considered.comments, found.considered.comments_complete) == (96, True)
        monkeypatch.setattr(voices, "COMMENTS_MOST", 10)
        found = await reader.insights("facebook", talked.account)
    assert (found.considered.comments, found.considered.comments_complete) == (10, False)


def test_account_without_labels_texts_and_followers_has_insights(settings: Settings) -> None:
    """What can be said is said; the rest is null with its reason."""
    written = Written(settings)
    written.account((5, 2, 1, 0, 1))
    written.post("1", (5, 2, 1, 0, 0))
    with Client(settings) as client:
        found = client.insights("facebook", "acme")
    assert (found.rates.applause.per_post, found.rates.note) == (
        5.0,
        "followers unknown: they were never polled",
    )
    assert (found.considered.labelled, found.question.note, found.words.common) == (0, "too few posts", [])
    assert (found.silence[0].engaged, found.silence[0].silent_share) == (0, None)


def test_numbers_that_a_platform_never_sends_are_unknown_or_polled(settings: Settings) -> None:
    """Instagram tells no likes: null without totals, the polled number with them."""
    written = Written(settings)
    written.account((0, 2, 0, 0, 1), platform="instagram")
    written.post("1", (0, 2, 0, 0, 1), platform="instagram")
    with Client(settings) as client:
        assert client.insights("instagram", "acme").rates.applause.per_post is None
        slot = written.keys.slot("instagram", "acme")
        written.redis.hset(written.keys.post(slot, "instagram", "1"), "polled:likes", "40,1")
        assert client.insights("instagram", "acme").rates.applause.per_post == 40.0


async def test_http_gives_the_same_answer_and_describes_it(settings: Settings, talked: Talked) -> None:
    """Also while many ask at once: one answer is made."""
    async with serving(settings) as address, httpx.AsyncClient(base_url=address, timeout=DEADLINE_S) as api:
        path = f"/v1/accounts/facebook/{talked.account}/insights"
        answers = await asyncio.gather(*(api.get(path) for _ in range(5)))
        found = msgspec.json.decode(answers[0].content, type=Insights)
        assert found.question.lift == 3.0
        assert len({answer.content for answer in answers}) == 1
        assert (await api.get(f"{path}?posts=0")).status_code == 400
        assert (await api.get("/v1/accounts/facebook/nobody/insights")).status_code == 404
        described = (await api.get("/openapi.json")).json()
        operation = described["paths"]["/v1/accounts/{platform}/{id}/insights"]["get"]
        assert operation["responses"]["200"]["content"]["application/json"]["schema"]["$ref"].endswith("/Insights")


@pytest.mark.parametrize("name", ["acme", "we:{ir}\n[bold]$x_1$"])
def test_command_shows_tables(settings: Settings, shell: typer.Typer, name: str) -> None:
    """Each part with its numbers; ids that hold anything are shown and do nothing."""
    Talked(settings, name)
    shown = CliRunner().invoke(shell, ["facebook", name])
    assert shown.exit_code == 0, shown.exception
    for part in ("an open question", "3.00", "99.2 %", "rye", "#bread", "q0", "conversation", "●"):
        assert part in shown.stdout, shown.stdout


def test_command_gives_json(shell: typer.Typer, talked: Talked) -> None:
    """One line, the same as over HTTP."""
    shown = CliRunner().invoke(shell, [f"facebook:{talked.account}", "--json"])
    found = msgspec.json.decode(shown.stdout, type=Insights)
    assert (found.account, found.question.lift) == ("acme", 3.0)
    assert shown.stdout.count("\n") == 1


def test_command_draws_png_and_svg(settings: Settings, shell: typer.Typer, tmp_path: Path) -> None:
    """Both can be opened, and the same insights are the same picture. Ids are no formulas."""
    Talked(settings, "$\\frac$")
    for ending in ("png", "svg"):
        drawn = CliRunner().invoke(shell, ["facebook", "$\\frac$", "--plot", str(tmp_path / f"a.{ending}")])
        assert drawn.exit_code == 0, drawn.exception
        assert drawn.stderr == f"drawn into {tmp_path / f'a.{ending}'}\n"
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG\r\n")
    assert ElementTree.parse(tmp_path / "a.svg").getroot().tag.endswith("svg")  # noqa: S314 - our own file
    CliRunner().invoke(shell, ["facebook", "$\\frac$", "--plot", str(tmp_path / "b.svg")])
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


@pytest.mark.parametrize("file", ["a.pdf", "a", "missing/a.png"])
def test_plot_into_anything_else_is_refused_before_anything_is_read(
    shell: typer.Typer, tmp_path: Path, file: str
) -> None:
    """The message names what would do."""
    refused = CliRunner().invoke(shell, ["facebook:nobody", "--plot", str(tmp_path / file)])
    assert isinstance(refused.exception, QueryError)
    assert "expected a fi" in str(refused.exception) or "expected a folder" in str(refused.exception)


async def test_what_a_worker_counts_becomes_insights(settings: Settings, start_child: Callable[..., Child]) -> None:
    """Posts are labelled, texts and actors kept, followers polled: from records alone to the answer."""
    worker = start_child("worker", [*TWOWAY, "worker"], environment(settings))
    now_ms = wall_clock()
    async with open_sender(settings) as sender:
        await sender.send(
            make_interaction(kind="totals", post=None, actor=None, id="a1", followers=500, likes=None, time_ms=now_ms)
        )
        for number in range(12):
            for post, text, comments in (
                (f"q{number}", "Which one would you pick?", 4),
                (f"s{number}", "It is here.", 1),
            ):
                published = {"kind": "post", "post": post, "own": True, "actor": None, "time_ms": now_ms - 60_000}
                await sender.send(make_interaction(**published, text=text, media="video"))
                for actor in range(comments):
                    said = {
                        "kind": "comment",
                        "post": post,
                        "actor": f"u{actor}",
                        "text": "the lemon",
                        "time_ms": now_ms,
                    }
                    await sender.send(make_interaction(**said))
        await sender.flush()
    await proven(settings, 12 * 7 + 1)
    async with Reader.connect(settings) as reader:
        found = await reader.insights("facebook", "a1")
    assert (found.considered.labelled, found.question.posts, found.question.lift) == (24, 12, 4.0), worker.tail()
    assert (found.followers, found.silence[0].engaged, found.silence[0].silent_share) == (500, 4, 0.992)
    assert [(one.value, one.engaged) for one in found.silence[4:]] == [("video", 4), ("open", 4), ("statement", 1)]
    assert [(word.word, word.comments, word.talkers) for word in found.words.common] == [("lemon", 60, 4)]
    assert (found.starters[0].talkers, found.starters[0].engaged, found.starters[0].question) == (4, 4, True)


def test_every_command_of_the_page_answers(
    settings: Settings, shell: typer.Typer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """docs/insights.md, in a folder of this test: one of them draws."""
    Talked(settings, "1234567890")
    monkeypatch.chdir(tmp_path)
    commands = re.findall(r"^twoway insights (.*)$", PAGE, re.MULTILINE)
    assert len(commands) == 4
    for line in commands:
        shown = CliRunner().invoke(shell, line.split())
        assert shown.exit_code == 0, (line, shown.exception)
        assert "1234567890" in shown.stdout
    assert (tmp_path / "talk.svg").exists()


async def test_every_address_of_the_page_answers(settings: Settings) -> None:
    """On an API of this test."""
    Talked(settings, "1234567890")
    addresses = re.findall(r"curl -s 'http://127.0.0.1:8002(.*)'", PAGE)
    assert len(addresses) == 2
    async with serving(settings) as address, httpx.AsyncClient(base_url=address, timeout=DEADLINE_S) as api:
        for path in addresses:
            assert (await api.get(path)).status_code == 200, path


def test_the_program_of_the_page_runs(settings: Settings, shell: typer.Typer) -> None:
    """With the variables that lead to the servers."""
    Talked(settings, "1234567890")
    (program,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    ran = run_program([sys.executable, "-c", program], cwd=ROOT)
    assert (ran.stdout, ran.returncode) == ("3.0 None 0.992\n", 0), ran.stderr
