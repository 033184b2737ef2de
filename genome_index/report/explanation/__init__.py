"""Explanations of calls as tables for people and as JSON."""
