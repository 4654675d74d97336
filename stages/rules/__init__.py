"""The rules that reject or flag candidates and instances, as tables of reason -> function."""
