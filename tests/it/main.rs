//! What the shells promise: restart, back-pressure, time, and readings that last.
mod readings;
mod supervise_control;
mod supervise_groups;
mod supervise_latest;
mod supervise_life;
mod supervise_links;
mod supervise_metrics;
mod supervise_poison;
mod supervise_time;
mod supervise_twins;
mod supervise_workshop;
