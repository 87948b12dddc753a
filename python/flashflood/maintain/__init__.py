"""Journals made of others, and the care of a store: journal, update, combine_journals, check, repair, garbage."""
