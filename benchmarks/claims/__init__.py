"""Claims: sentences that an experiment could have refuted, each with its rule, its runs and its verdict."""
