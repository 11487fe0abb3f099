"""Conversations with models: agents, their registry, their budgets and what they ask of coglets."""
