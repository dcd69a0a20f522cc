"""The endpoints: what a request brings is read here, and the services answer it."""
