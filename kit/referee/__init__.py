"""The referee: a second parser reads again what a report cites. `second_parser` compares, `reader` is its process."""
