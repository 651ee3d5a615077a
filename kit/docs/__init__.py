"""Pages of the documentation that are made from code and knowledge."""
