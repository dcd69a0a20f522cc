"""Load tests with Locust: scenarios, the users in them, and what a run of them is worth."""
