"""The customer copy: pseudonyms, redaction and the scan for what must not leave."""

from __future__ import annotations
