"""Everything that touches Hydra: composing conf/, choosing on top of it, and comparing it with params.yaml."""
