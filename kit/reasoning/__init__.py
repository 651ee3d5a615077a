"""From tables of events to operations, links, boots, recoveries, clocks and verdicts: frames in, frames out."""
