"""Declarations that stand for coglets (agents, plans, teams, definitions of done), rewritten into coglets."""
