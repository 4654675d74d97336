"""Everything between a stage and its model: requests, retries, rate limits, budget and progress."""
