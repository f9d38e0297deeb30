//! What the shells promise: restart, back-pressure, time.
mod supervise_control;
mod supervise_groups;
mod supervise_life;
mod supervise_time;
mod supervise_twins;
mod supervise_workshop;
