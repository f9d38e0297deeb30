//! One test per claim of the papers, named by section or figure of protocol.md.
