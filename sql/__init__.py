"""Everything that speaks to the database. It knows no portfolio rule: frames and checks decide what is right."""
