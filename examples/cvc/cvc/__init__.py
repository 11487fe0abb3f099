"""A player of Cogs vs Clips: eight agents, one team, a heuristic for each step and a model that looks on from time to time."""
