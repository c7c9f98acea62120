//! Figures for a monitoring: lag, rows, bytes, durations, retries.
