"""What is around every answer, whoever gives it: ids, headers for browsers, a line in the log."""
