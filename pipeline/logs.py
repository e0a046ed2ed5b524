"""Log lines: one an event worth reading, human or JSON, to standard error."""

from __future__ import annotations

import logging
import sys
import time
from typing import Any

import orjson

from pipeline.errors import TwowayError
from pipeline.settings import Settings

#: The one tree of our loggers. Every other logger is a library's: what those write below `error` may hold a login, a
#: token, a person's text (frames of a websocket, heads of requests), so nobody has to be named for that to be kept out.
OURS = "twoway"
REPEAT_S = 60
#: Faust logs the starts and stops of services under the names of the modules that define them.
OUR_SERVICES = ("agents.services", "agents.worker", "pipeline.transport.app", "pipeline.transport.consumer")
_PLAIN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}


class JsonFormatter(logging.Formatter):
    """A line of JSON: time, level, logger, message, and whatever was given as `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time_ms": int(record.created * 1000),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {k: v for k, v in vars(record).items() if k not in _PLAIN}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return orjson.dumps(line, default=str).decode()


class SeldomRepeats(logging.Filter):
    """Lets a library report errors only, and one of a kind once in a minute: it reports each of its own retries."""

    def __init__(self) -> None:
        super().__init__()
        self.said: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name.partition(".")[0] == OURS or record.name in OUR_SERVICES:
            return True
        if record.levelno < logging.ERROR:
            return False  # of a library that sets the levels of its own loggers
        kind = (record.name, str(record.msg))
        if record.created - self.said.get(kind, 0.0) < REPEAT_S:
            return False
        self.said[kind] = record.created
        return True


class NoTraceOfOurs(logging.Filter):
    """Leaves out the stack trace of an error of ours: its message says what to do."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.exc_info and isinstance(record.exc_info[1], TwowayError):
            record.exc_info = record.exc_text = None
        return True


class HumanFormatter(logging.Formatter):
    """`09:24:01 warning twoway.worker: what happened`. Control characters of outside text are shown escaped."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802 - logging's name
        return time.strftime("%H:%M:%S", time.gmtime(record.created))

    def format(self, record: logging.LogRecord) -> str:
        record = logging.makeLogRecord(vars(record))
        record.levelname = record.levelname.lower()
        record.msg, record.args = printable(record.getMessage()), ()
        return super().format(record)


def set_up_logs(settings: Settings) -> None:
    """Send log lines to standard error in the form that the settings name: ours from the settings' level on, errors of
    libraries whatever that is."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if settings.log_format == "json" else HumanFormatter())
    handler.addFilter(SeldomRepeats())
    handler.addFilter(NoTraceOfOurs())
    logging.basicConfig(level=logging.ERROR, handlers=[handler], force=True)
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    logging.getLogger(OURS).setLevel(level)
    for name in OUR_SERVICES:
        logging.getLogger(name).setLevel(max(logging.WARNING, level))


def printable(text: str) -> str:
    """Text from outside with every control character escaped: it cannot move a terminal's cursor or break a line."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
