"""The tenant's own catalogue: functions that workflows call as `name:1.0.0@default`."""
