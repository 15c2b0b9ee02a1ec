"""The pure floor: definitions, commands, events and the step. No web, no database, no clock, no files."""
