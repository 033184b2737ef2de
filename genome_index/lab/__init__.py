"""Experiments: losses, pretraining, networks of our own. It imports the core, which never imports it."""
