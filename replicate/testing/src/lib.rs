//! Servers of one's own for the tests of `yarr-replicate`: free ports, temporary folders, gone with their values.
