//! The flow with a scripted engine.
