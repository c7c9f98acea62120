//! Files: parts that stay, and a `state.json` beside them whose renaming is the commit.
