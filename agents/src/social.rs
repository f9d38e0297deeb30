//! The Social Coordination Agent (SCA): coalition, bargaining, final contracts.
