"""Results for other tools: every table as plain CSV or JSON, and the judged events as a Timesketch timeline."""

from __future__ import annotations
