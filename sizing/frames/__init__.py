"""The frames that pass between stages: schemas, limits as columns, sorted groups."""
