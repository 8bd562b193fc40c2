"""Stages 5 and 6: a portrait taken apart once, and put together anew for every frame."""
