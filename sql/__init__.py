"""Everything that speaks to the database. It knows no portfolio rule: what is right is told by frames and checks."""
