"""The stages of the DAG, one module each, and the packages they share."""
