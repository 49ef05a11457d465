//! The only code that knows the protocol.
