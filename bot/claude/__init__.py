"""Claude as the Guide: one call a turn, with everything that can go wrong on the way."""
