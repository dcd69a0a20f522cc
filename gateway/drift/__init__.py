"""Notices that a version sees other images, or gives other answers, than those that it was validated with."""
