//! The two kinds of arbiter system: one on the wall clock, one whose clock stands still until nothing can run.
use std::cell::Cell;

use actix_rt::{System, SystemRunner};

thread_local! {
    static VIRTUAL: Cell<bool> = const { Cell::new(false) };
}

/// A system on virtual time: one thread, one arbiter, tokio's clock paused, so that it jumps to the next timer
/// whenever nothing can run. Two runs of the same program are the same.
///
/// # Panics
/// If the machine refuses a runtime.
pub fn virtual_system() -> SystemRunner {
    VIRTUAL.set(true);
    System::with_tokio_rt(|| {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder
            .enable_all()
            .start_paused(true)
            .build()
            .expect("a current-thread runtime can be built")
    })
}

/// A system on the wall clock.
///
/// # Panics
/// If the machine refuses a runtime.
pub fn real_system() -> SystemRunner {
    VIRTUAL.set(false);
    System::new()
}

/// Whether this thread's arbiter runs on virtual time.
pub fn is_virtual() -> bool {
    VIRTUAL.get()
}
