"""A model of the write protocol, and a checker that runs every interleaving of it. See README.md."""
