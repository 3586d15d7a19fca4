//! A token that stops long work between two of its steps.

use crate::{Error, Result};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whoever starts long work hands one in and keeps a clone; to cancel one cancels all its clones, and nothing else.
///
/// ```
/// let cancel = unet_lens::cancel::Cancel::default();
/// let kept = cancel.clone();
/// assert!(cancel.check().is_ok());
/// kept.cancel();
/// assert!(cancel.check().is_err());
/// assert!(unet_lens::cancel::Cancel::default().check().is_ok());
/// ```
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// From now on [`Cancel::check`] fails. Tells whether it was cancelled before.
    pub fn cancel(&self) -> bool {
        self.0.swap(true, Ordering::SeqCst)
    }

    /// # Errors
    /// [`Error::Interrupted`] if it was cancelled.
    pub fn check(&self) -> Result<()> {
        if self.0.load(Ordering::SeqCst) { Err(Error::Interrupted) } else { Ok(()) }
    }
}

/// Who watches over long work.
pub struct Watch<'w> {
    /// Looked at between two steps.
    pub cancel: &'w Cancel,
    /// Hears how much of how much is done.
    pub progress: &'w mut dyn FnMut(usize, usize),
}
