"""Rules of the page that trains: what a zip may hold, which class an image is of, what may be set, what a log says."""
