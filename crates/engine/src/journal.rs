//! The journal: every input and every decision of a run, in the order in which they happened, able to survive a torn end.
//!
//! A file is the magic `TWJ1` followed by frames: length (u32 LE), CRC-32 of the payload (u32 LE), payload (postcard of [`Frame`]).

use std::io::{self, Read, Write};

use serde::{Deserialize, Serialize};
use tradewind_core_types::{Event, Fill, Order, OrderReport};

use crate::ledger::LedgerHash;

const MAGIC: &[u8; 4] = b"TWJ1";
/// No frame is longer than this; a length beyond it is corruption.
const LONGEST: u32 = 16 << 20;

/// One frame.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Frame {
    /// The resolved configuration, once at the beginning.
    Config(String),
    /// An input.
    Event(Event),
    /// A decision, as JSON text.
    Decision(String),
    /// An order sent.
    Order(Order),
    /// A report received.
    Report(OrderReport),
    /// The ledger's hash at a session close or at the end.
    Hash(LedgerHash),
}

/// Why a journal cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file system refuses.
    #[error("journal: {0}")]
    Io(#[from] io::Error),
    /// Not a journal.
    #[error("not a journal: it does not begin with TWJ1")]
    NotAJournal,
    /// A frame in the middle is damaged.
    #[error("journal: frame {frame} is damaged ({problem}); the {frame} frames before it are good")]
    Damaged {
        /// Number of the damaged frame, from 0.
        frame: u64,
        /// What is wrong.
        problem: String,
    },
}

/// Writes a journal.
#[derive(Debug)]
pub struct JournalWriter<W: Write> {
    out: W,
    buffer: Vec<u8>,
}

impl<W: Write> JournalWriter<W> {
    /// Begins a journal.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn new(mut out: W) -> Result<Self, JournalError> {
        out.write_all(MAGIC)?;
        Ok(Self { out, buffer: Vec::new() })
    }
    /// Appends a frame.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&mut self, frame: &Frame) -> Result<(), JournalError> {
        self.buffer.clear();
        self.buffer = postcard::to_extend(frame, std::mem::take(&mut self.buffer)).map_err(io::Error::other)?;
        let length = u32::try_from(self.buffer.len()).map_err(io::Error::other)?;
        self.out.write_all(&length.to_le_bytes())?;
        self.out.write_all(&crc32fast::hash(&self.buffer).to_le_bytes())?;
        self.out.write_all(&self.buffer)?;
        Ok(())
    }
    /// Flushes and gives the writer back.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(mut self) -> Result<W, JournalError> {
        self.out.flush()?;
        Ok(self.out)
    }
}

/// Reads a journal frame by frame.
#[derive(Debug)]
pub struct JournalReader<R: Read> {
    from: R,
    frames: u64,
    torn: bool,
}

impl<R: Read> JournalReader<R> {
    /// Opens a journal.
    ///
    /// # Errors
    /// When it is none.
    pub fn new(mut from: R) -> Result<Self, JournalError> {
        let mut magic = [0; 4];
        match from.read_exact(&mut magic) {
            Ok(()) if magic == *MAGIC => Ok(Self { from, frames: 0, torn: false }),
            Err(e) if e.kind() != io::ErrorKind::UnexpectedEof => Err(e.into()),
            _ => Err(JournalError::NotAJournal),
        }
    }
    /// Whether the journal ended in the middle of a frame, as after a crash.
    pub fn is_torn(&self) -> bool {
        self.torn
    }

    fn read(&mut self) -> Result<Option<Frame>, JournalError> {
        let mut head = [0; 8];
        let mut got = 0;
        while got < 8 {
            match self.from.read(&mut head[got..])? {
                0 => break,
                n => got += n,
            }
        }
        if got < 8 {
            self.torn = got > 0;
            return Ok(None);
        }
        let [l0, l1, l2, l3, c0, c1, c2, c3] = head;
        let length = u32::from_le_bytes([l0, l1, l2, l3]);
        let damaged = |problem: String| JournalError::Damaged { frame: self.frames, problem };
        if length > LONGEST {
            return Err(damaged(format!("length {length}")));
        }
        let mut payload = Vec::new();
        (&mut self.from).take(u64::from(length)).read_to_end(&mut payload)?;
        if payload.len() < length as usize {
            self.torn = true;
            return Ok(None);
        }
        if crc32fast::hash(&payload) != u32::from_le_bytes([c0, c1, c2, c3]) {
            return Err(damaged("checksum".into()));
        }
        let frame = postcard::from_bytes(&payload).map_err(|e| damaged(e.to_string()))?;
        self.frames += 1;
        Ok(Some(frame))
    }

    /// The fills in the rest of the journal.
    ///
    /// # Errors
    /// As for reading.
    pub fn fills(&mut self) -> Result<Vec<Fill>, JournalError> {
        let mut out = Vec::new();
        for frame in self {
            if let Frame::Report(OrderReport::Filled(f)) = frame? {
                out.push(f);
            }
        }
        Ok(out)
    }
}

impl<R: Read> Iterator for JournalReader<R> {
    type Item = Result<Frame, JournalError>;
    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn journal() -> Vec<u8> {
        let mut w = JournalWriter::new(Vec::new()).unwrap();
        for i in 0..5 {
            w.write(&Frame::Config(format!("frame {i}"))).unwrap();
        }
        w.finish().unwrap()
    }

    #[test]
    fn any_truncation_keeps_the_whole_frames() {
        let bytes = journal();
        let per_frame = (bytes.len() - 4) / 5;
        for cut in 4..=bytes.len() {
            let mut r = JournalReader::new(&bytes[..cut]).unwrap();
            let n = r.by_ref().inspect(|f| assert!(f.is_ok())).count();
            assert_eq!(n, (cut - 4) / per_frame, "cut at {cut}");
            assert_eq!(r.is_torn(), (cut - 4) % per_frame != 0, "cut at {cut}");
        }
        assert!(matches!(JournalReader::new(&b"nope"[..]), Err(JournalError::NotAJournal)));
        assert!(matches!(JournalReader::new(&b""[..]), Err(JournalError::NotAJournal)));
    }

    #[test]
    fn any_flipped_bit_is_noticed() {
        let bytes = journal();
        for at in 4..bytes.len() {
            let mut bad = bytes.clone();
            bad[at] ^= 0x10;
            let mut r = JournalReader::new(bad.as_slice()).unwrap();
            let whole = r.by_ref().take_while(Result::is_ok).count();
            assert!(whole < 5, "flip at {at}");
        }
    }
}
