//! Who the members are now, as the node's replica last heard from its chain: for the bodies that
//! address them or check their signatures. Nothing is decided from it.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use gridpact_chain::registry::Registry;

/// The newest registry version that a replica of this process has reached.
#[derive(Clone)]
pub struct Members(Rc<RefCell<Arc<Registry>>>);

impl Members {
    /// Members as they were founded.
    #[must_use]
    pub fn new(founding: Arc<Registry>) -> Self {
        Self(Rc::new(RefCell::new(founding)))
    }

    /// The newest version.
    #[must_use]
    pub fn now(&self) -> Arc<Registry> {
        Arc::clone(&self.0.borrow())
    }

    /// Takes over `registry` if it is newer; replicas of one process reach it one by one.
    pub fn follow(&self, registry: &Arc<Registry>) {
        let mut known = self.0.borrow_mut();
        if known.version() < registry.version() {
            *known = Arc::clone(registry);
        }
    }
}
