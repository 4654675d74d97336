"""What every stage shares: config, records, files, errors and the frame a stage runs in."""
