"""The replica engine: one jitted program trains every row of a study."""
