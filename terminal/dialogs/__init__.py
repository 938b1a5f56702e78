"""The terminal's own dialogs: settings, command palette, key sheet, leaving, about."""
