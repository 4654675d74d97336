"""The sections of params.yaml, one model per file: every key with its type, unit and range. Defaults live in conf/."""
