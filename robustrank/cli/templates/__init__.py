"""Plug-ins that ``robustrank new`` copies under another name: they work as they are, as the class Mine."""
