"""How a call travels: one adapter per dialect, all of them behind `exchange.Wire`."""
