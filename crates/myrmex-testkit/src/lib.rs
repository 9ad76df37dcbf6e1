//! Test support: builders, fakes, failing stores, history checks.
