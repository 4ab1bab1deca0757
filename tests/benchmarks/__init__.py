"""Measurements that are printed, not asserted: `make benchmark`."""
