//! What no single room of the house can promise alone.
