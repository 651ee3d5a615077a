"""Practice cases with known answers: logs in their real binary formats, and the truth beside them.

Nothing here knows how the kit judges; the stories come from how Hyper-V Replica, VSS and SQL Server behave.
"""
