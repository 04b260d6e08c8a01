"""HTTP in, domain calls out. Routes check the caller and translate; they decide nothing."""
