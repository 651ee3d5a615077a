"""Checks of what was issued: second parser, hashes and ledger, comparison of two reports."""
