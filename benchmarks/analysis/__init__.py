"""What a run says: summaries, verdicts, differences."""
