//! Whoever dies, at whatever moment: no row is lost, doubled or stale.
