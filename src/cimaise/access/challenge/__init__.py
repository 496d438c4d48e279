"""Telling people from programs: one interface, one file for each way of asking."""
