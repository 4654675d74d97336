"""Tables of one shape: reason -> what in a text it is rejected or flagged for."""
