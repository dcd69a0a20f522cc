"""Tests across processes, and what all tests share."""
