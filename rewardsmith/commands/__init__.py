"""The commands, one module a family; each reads its words, calls the parts below, and prints."""
