//! Frames one behind the other, which readers of most forms take for one text.

use std::{
    cell::Cell,
    io::{self, BufRead, Read},
};

use super::super::{Opening, Step, Stop};

/// What is left of a text, for whoever reads it and whoever asks how far.
#[derive(Clone, Copy)]
pub struct Feed<'c, 't>(pub &'c Cell<&'t [u8]>);

impl Read for Feed<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut left = self.0.get();
        let read = left.read(buffer)?;
        self.0.set(left);
        Ok(read)
    }
}

impl BufRead for Feed<'_, '_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        Ok(self.0.get())
    }

    fn consume(&mut self, amount: usize) {
        self.0.set(self.0.get().get(amount..).unwrap_or_default());
    }
}

/// How a form is read.
pub struct Form {
    /// Whether what follows a frame is the next one.
    pub goes_on: fn(&[u8]) -> bool,
    /// A reader of one frame.
    pub open: for<'c> fn(Feed<'c, 'c>) -> io::Result<Box<dyn Read + 'c>>,
}

/// Reads frames until something else follows.
struct Frames<'c> {
    form: &'c Form,
    left: Feed<'c, 'c>,
    frame: Option<Box<dyn Read + 'c>>,
    begun: bool,
}

impl Read for Frames<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            let Some(frame) = &mut self.frame else {
                if self.begun && !(self.form.goes_on)(self.left.0.get()) {
                    return Ok(0);
                }
                self.begun = true;
                self.frame = Some((self.form.open)(self.left)?);
                continue;
            };
            match frame.read(buffer)? {
                0 => self.frame = None,
                read => return Ok(read),
            }
        }
    }
}

/// Tells what comes out of the frames that `opening` begins with, and where they end.
///
/// # Errors
/// When a bound is reached.
pub fn tell(opening: &mut Opening<'_, '_>, step: Step<'_>, form: &Form) -> Result<(), Stop> {
    let text = opening.text;
    let left = Cell::new(text);
    let mut frames = Frames {
        form,
        left: Feed(&left),
        frame: None,
        begun: false,
    };
    let whole = opening.member(step, 0..text.len(), &mut frames)?;
    drop(frames);
    if whole {
        opening.ends(text.len() - left.get().len());
    }
    Ok(())
}
