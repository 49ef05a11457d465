//! The same index, whatever the order of events.
