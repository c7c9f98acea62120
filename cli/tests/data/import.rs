//! Import: what goes in, what does not, and what is said.
