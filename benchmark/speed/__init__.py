"""Measurements of the program itself; each module is a script."""
