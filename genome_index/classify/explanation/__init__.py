"""Explanation: the whole way from a query to its verdict, for the one who has to defend it."""
