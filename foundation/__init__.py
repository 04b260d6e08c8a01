"""What every part stands on: settings, errors, database, logs. Knows no domain."""
