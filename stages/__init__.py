"""The nodes of the DAG, one module each, and the rooms they share."""
