"""Test-failover boots to the recovery point they started from, where no export and no case.toml says it."""

from __future__ import annotations

import pandas as pd

from kit import tables


def link(
    boots: pd.DataFrame, links: pd.DataFrame, operations: pd.DataFrame, cuts: pd.DataFrame
) -> pd.DataFrame:
    """Table `boots` with the point of each test boot, and whether its image was cut inside a freeze.

    Without a declared point, the time of the image decides: if the newest record in the image stands inside the freeze
    of exactly one linked operation (both on the guest's own clock), the boot belongs to the point of that operation.
    Two boots may belong to one point. Anything else leaves the boot without a point.
    """
    made = boots.copy()
    linked = links.dropna(subset=["operation_id"]).merge(
        operations[["operation_id", "freeze_utc", "thaw_utc", "precision_s", "vm_name"]], on="operation_id",
        suffixes=("", "_operation"),
    )
    cut = set(cuts["boot_id"])
    point, method, inside = [], [], []
    for row in boots.itertuples():
        found = row.recovery_point_id if isinstance(row.recovery_point_id, str) else None
        how = row.link_method
        if row.test_failover and found is None and how == "none":
            found = _by_image(row, linked)
            how = "image_time" if found else "none"
        point.append(found)
        method.append(how)
        inside.append(row.boot_id in cut if row.test_failover else None)
    made["recovery_point_id"], made["link_method"] = point, method
    made["cut_in_freeze"] = pd.array(inside, dtype="boolean")
    return tables.check("boots", made)


def _by_image(boot: object, linked: pd.DataFrame) -> str | None:
    image = getattr(boot, "image_time_utc", pd.NaT)
    if pd.isna(image):
        return None
    vm_name = getattr(boot, "vm_name", None)
    precision = pd.to_timedelta(linked["precision_s"].fillna(0.0), unit="s")
    fits = (linked["freeze_utc"] - precision <= image) & (image <= linked["thaw_utc"])
    if isinstance(vm_name, str):
        fits &= linked["vm_name"] == vm_name
    points = linked.loc[fits, "recovery_point_id"].unique()
    return str(points[0]) if len(points) == 1 else None
