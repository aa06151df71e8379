"""Methods held against scenarios and seeds: comparison, statistics, report and command line."""
