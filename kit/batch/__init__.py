"""Many cases: one report each and an index over all of them. `runner` is the batch, `worker` its process."""
