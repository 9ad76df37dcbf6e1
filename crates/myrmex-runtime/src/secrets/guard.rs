//! Keeps content that holds a secret from being stored, where masking would spoil it.

use std::io::{self, Read};
use std::sync::Arc;

use super::mask::{Masks, Scan};

/// Passes content through and fails as soon as there is a secret in it.
pub(crate) struct Guarded<R> {
    content: R,
    masks: Option<Arc<Masks>>,
    scan: Scan,
    has_secret: bool,
}

impl<R> Guarded<R> {
    /// Guards `content`; without masks at no cost.
    pub(crate) fn new(content: R, masks: Option<Arc<Masks>>) -> Self {
        Self { content, masks, scan: Scan::default(), has_secret: false }
    }

    /// Returns whether it failed because of a secret.
    pub(crate) fn has_secret(&self) -> bool {
        self.has_secret
    }
}

impl<R: Read> Read for Guarded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.content.read(buffer)?;
        if let Some(masks) = &self.masks
            && buffer[..length].iter().any(|byte| self.scan.step(masks, *byte).is_some())
        {
            self.has_secret = true;
            return Err(io::Error::other("it holds a secret"));
        }
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Secret;
    use super::*;

    #[test]
    fn guarded_content_fails_at_the_first_secret() {
        let read = |text: &str| {
            let masks = Arc::new(Masks::new(vec![Secret::new(b"hunter2".to_vec())]));
            let mut guarded = Guarded::new(text.as_bytes(), Some(masks));
            let is_read = guarded.read_to_end(&mut Vec::new()).is_ok();
            (is_read, guarded.has_secret())
        };
        assert_eq!(read("nothing"), (true, false));
        assert_eq!(read("a hunter2 b"), (false, true));
    }
}
