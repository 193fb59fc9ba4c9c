"""Carries the plugin @NAME@ for Pynomaly: pynomaly.load_plugins() finds it here."""
