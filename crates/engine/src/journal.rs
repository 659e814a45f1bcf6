//! The journal: every input and every effect of a run, in the order in which they happened, able to survive a torn end.
//!
//! A file is the magic `TWJ` and the format's version as a byte (2), followed by frames. A frame is a head of 48 bytes (length of the payload,
//! u32 LE; CRC-32 of the rest of the head and the payload, u32 LE; number of the frame from 0, u64 LE; SHA-256 of the chain so far) and the payload,
//! postcard of [`Frame`]. The chain is h(n) = SHA-256(h(n-1), payload n), from 32 zero bytes: frame n carries h(n).

use std::io::{self, Read, Write};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tradewind_core_types::{LedgerHash, Order, OrderReport};

use crate::effect::{Effect, Emitted};
use crate::input::{Given, Stamped};

const MAGIC: &[u8; 3] = b"TWJ";
/// The version of the format that this release writes and reads.
const VERSION: u8 = 2;
/// No frame is longer than this; a length beyond it is corruption.
const LONGEST: u32 = 16 << 20;
/// Length, checksum, number and chain.
const HEAD: usize = 4 + 4 + 8 + 32;

/// One frame.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Frame {
    /// The resolved configuration, once at the beginning.
    Config(String),
    /// An input, before it was processed.
    Input(Box<Stamped>),
    /// A decision, as JSON text.
    Decision(String),
    /// An order that was approved.
    Order(Order),
    /// A report that was news, as it was booked.
    Report(OrderReport),
    /// The ledger's hash at a session close or at the end.
    Hash(LedgerHash),
    /// What else an input led to: cancels, timers, jobs, notices, answers to commands, as JSON text.
    Effect(String),
}

/// A frame with an input that somebody else holds: written as [`Frame`] would be.
#[derive(Serialize)]
enum Borrowed<'a> {
    #[expect(dead_code, reason = "the number of the variant is its place")]
    Config(&'a str),
    Input(&'a Given<'a>),
}

impl Frame {
    /// The frame of an effect; decisions are JSON text.
    ///
    /// # Errors
    /// When the effect cannot be written as text.
    pub fn of(effect: &Effect) -> Result<Self, String> {
        Ok(match effect {
            Effect::Emit(Emitted::Decision(d)) => Self::Decision(json(d)?),
            Effect::Emit(Emitted::Order(o)) => Self::Order(o.clone()),
            Effect::Emit(Emitted::Report(r, _)) => Self::Report(r.clone()),
            Effect::Emit(Emitted::Session { hash, .. }) => Self::Hash(*hash),
            other => Self::Effect(json(other)?),
        })
    }
}

/// Why a journal cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file system refuses.
    #[error("journal: {0}")]
    Io(#[from] io::Error),
    /// Not a journal.
    #[error("not a journal: it does not begin with TWJ")]
    NotAJournal,
    /// A journal of another release.
    #[error("the journal has format {found}, and this release reads format {VERSION}: use the release that wrote it")]
    Version {
        /// The version found.
        found: u8,
    },
    /// A frame in the middle is damaged.
    #[error("journal: frame {frame} is damaged ({problem}); the {frame} frames before it are good")]
    Damaged {
        /// Number of the damaged frame, from 0.
        frame: u64,
        /// What is wrong.
        problem: String,
    },
}

fn json(x: &impl Serialize) -> Result<String, String> {
    serde_json::to_string(x).map_err(|e| e.to_string())
}

fn chained(before: [u8; 32], payload: &[u8]) -> [u8; 32] {
    let mut h = Sha256::new();
    h.update(before);
    h.update(payload);
    h.finalize().into()
}

/// The checksum of a frame: over its length, number, chain and payload.
fn checksum(length: u32, number: u64, chain: &[u8; 32], payload: &[u8]) -> u32 {
    let mut c = crc32fast::Hasher::new();
    c.update(&length.to_le_bytes());
    c.update(&number.to_le_bytes());
    c.update(chain);
    c.update(payload);
    c.finalize()
}

/// Writes a journal.
#[derive(Debug)]
pub struct JournalWriter<W: Write> {
    out: W,
    buffer: Vec<u8>,
    frames: u64,
    chain: [u8; 32],
}

impl<W: Write> JournalWriter<W> {
    /// Begins a journal.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn new(mut out: W) -> Result<Self, JournalError> {
        out.write_all(MAGIC)?;
        out.write_all(&[VERSION])?;
        Ok(Self { out, buffer: Vec::new(), frames: 0, chain: [0; 32] })
    }
    /// Appends a frame.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&mut self, frame: &Frame) -> Result<(), JournalError> {
        self.append(frame)
    }
    /// Appends [`Frame::Input`] without taking the input.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn input(&mut self, x: &Given<'_>) -> Result<(), JournalError> {
        self.append(&Borrowed::Input(x))
    }

    fn append(&mut self, frame: &impl Serialize) -> Result<(), JournalError> {
        self.buffer.clear();
        self.buffer = postcard::to_extend(frame, std::mem::take(&mut self.buffer)).map_err(io::Error::other)?;
        let length = u32::try_from(self.buffer.len()).map_err(io::Error::other)?;
        if length > LONGEST {
            return Err(io::Error::other(format!("a frame of {length} bytes is longer than {LONGEST}")).into());
        }
        let chain = chained(self.chain, &self.buffer);
        self.out.write_all(&length.to_le_bytes())?;
        self.out.write_all(&checksum(length, self.frames, &chain, &self.buffer).to_le_bytes())?;
        self.out.write_all(&self.frames.to_le_bytes())?;
        self.out.write_all(&chain)?;
        self.out.write_all(&self.buffer)?;
        (self.chain, self.frames) = (chain, self.frames + 1);
        Ok(())
    }
    /// The writer behind it.
    pub fn get_mut(&mut self) -> &mut W {
        &mut self.out
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
    chain: [u8; 32],
    torn: bool,
}

impl<R: Read> JournalReader<R> {
    /// Opens a journal.
    ///
    /// # Errors
    /// When it is none, or one of another version.
    pub fn new(mut from: R) -> Result<Self, JournalError> {
        let mut magic = [0; 4];
        match from.read_exact(&mut magic) {
            Ok(()) if magic[..3] == *MAGIC && magic[3] == VERSION => {
                Ok(Self { from, frames: 0, chain: [0; 32], torn: false })
            }
            // Version 1 wrote its number as a digit.
            Ok(()) if magic[..3] == *MAGIC => {
                let v = magic[3];
                Err(JournalError::Version { found: if v.is_ascii_digit() { v - b'0' } else { v } })
            }
            Err(e) if e.kind() != io::ErrorKind::UnexpectedEof => Err(e.into()),
            _ => Err(JournalError::NotAJournal),
        }
    }
    /// Whether the journal ended in the middle of a frame, as after a crash.
    pub fn is_torn(&self) -> bool {
        self.torn
    }
    /// The chain's hash after the last frame read.
    pub fn chain(&self) -> [u8; 32] {
        self.chain
    }

    fn read(&mut self) -> Result<Option<Frame>, JournalError> {
        let mut head = Vec::with_capacity(HEAD);
        (&mut self.from).take(HEAD as u64).read_to_end(&mut head)?;
        let Ok(head) = <[u8; HEAD]>::try_from(head.as_slice()) else {
            self.torn = !head.is_empty();
            return Ok(None);
        };
        let damaged = |problem: String| JournalError::Damaged { frame: self.frames, problem };
        let (length, rest) = head.split_at(4);
        let (crc, rest) = rest.split_at(4);
        let (number, chain) = rest.split_at(8);
        let number_of = |b: &[u8]| b.iter().rev().fold(0_u64, |n, x| n << 8 | u64::from(*x));
        let (length, crc, number) = (number_of(length) as u32, number_of(crc) as u32, number_of(number));
        if length > LONGEST {
            return Err(damaged(format!("length {length}")));
        }
        let mut payload = Vec::new();
        (&mut self.from).take(u64::from(length)).read_to_end(&mut payload)?;
        if payload.len() < length as usize {
            self.torn = true;
            return Ok(None);
        }
        let expected = chained(self.chain, &payload);
        if checksum(length, number, &expected, &payload) != crc || chain != expected {
            return Err(damaged("checksum".into()));
        }
        if number != self.frames {
            return Err(damaged(format!("it is numbered {number}")));
        }
        let frame = postcard::from_bytes(&payload).map_err(|e| damaged(e.to_string()))?;
        (self.frames, self.chain) = (self.frames + 1, expected);
        Ok(Some(frame))
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
    use crate::input::{Input, TimerId};
    use tradewind_core_types::Time;

    fn frames(n: u32) -> Vec<Frame> {
        (0..n).map(|i| Frame::Config(format!("frame {i}"))).collect()
    }
    fn journal(frames: &[Frame]) -> Vec<u8> {
        let mut w = JournalWriter::new(Vec::new()).unwrap();
        frames.iter().for_each(|f| w.write(f).unwrap());
        w.finish().unwrap()
    }

    #[test]
    fn any_truncation_keeps_the_whole_frames() {
        let bytes = journal(&frames(5));
        let per_frame = (bytes.len() - 4) / 5;
        for cut in 4..=bytes.len() {
            let mut r = JournalReader::new(&bytes[..cut]).unwrap();
            let n = r.by_ref().inspect(|f| assert!(f.is_ok())).count();
            assert_eq!(n, (cut - 4) / per_frame, "cut at {cut}");
            assert_eq!(r.is_torn(), (cut - 4) % per_frame != 0, "cut at {cut}");
        }
        assert!(matches!(JournalReader::new(&b"nope"[..]), Err(JournalError::NotAJournal)));
        assert!(matches!(JournalReader::new(&b""[..]), Err(JournalError::NotAJournal)));
        let old = JournalReader::new(&b"TWJ1rest"[..]).unwrap_err();
        assert!(matches!(old, JournalError::Version { found: 1 }), "{old}");
    }

    #[test]
    fn any_flipped_bit_is_noticed_also_in_a_length() {
        let bytes = journal(&frames(5));
        for at in 4..bytes.len() {
            for bit in [0x01, 0x10, 0x80] {
                let mut bad = bytes.clone();
                bad[at] ^= bit;
                let mut r = JournalReader::new(bad.as_slice()).unwrap();
                let whole = r.by_ref().take_while(Result::is_ok).count();
                assert!(whole < 5, "flip at {at}");
            }
        }
    }

    #[test]
    fn a_borrowed_input_is_written_like_an_owned_one() {
        let x =
            Stamped { seq: 7, venue_time: Time::MIN, received: Time::MAX, source: 3, input: Input::Timer(TimerId(5)) };
        let mut w = JournalWriter::new(Vec::new()).unwrap();
        w.input(&x.lend()).unwrap();
        assert_eq!(w.finish().unwrap(), journal(&[Frame::Input(Box::new(x))]));
    }

    #[test]
    fn a_frame_that_is_missing_moved_or_from_elsewhere_is_noticed() {
        let bytes = journal(&frames(5));
        let n = (bytes.len() - 4) / 5;
        let cut = |i: usize| bytes[4 + n * i..4 + n * (i + 1)].to_vec();
        let read = |order: &[Vec<u8>]| {
            let all = [bytes[..4].to_vec(), order.concat()].concat();
            JournalReader::new(all.as_slice()).unwrap().take_while(Result::is_ok).count()
        };
        assert_eq!(read(&[cut(0), cut(1), cut(2)]), 3);
        assert_eq!(read(&[cut(0), cut(2)]), 1, "missing");
        assert_eq!(read(&[cut(0), cut(2), cut(1)]), 1, "moved");
        assert_eq!(read(&[cut(0), cut(0)]), 1, "repeated");
        // A good frame of another journal, in its place.
        let other = journal(&[Frame::Config("xrame 0".into()), Frame::Config("frame 1".into())]);
        assert_eq!(read(&[cut(0), other[4 + n..].to_vec()]), 1);
    }
}
