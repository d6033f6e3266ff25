"""The replica engine: one jitted program trains every trial of a study."""
