"""The machinery between webhook and answer; `agents` stand on it, `schemas` lie below it."""
