//! Imports that are ended in the middle, and go on.
