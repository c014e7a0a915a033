//! Bytes that are read at any place by many threads: a small file in memory, a large one where it lies.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;

/// Bytes of a file that a small read brings along: an archive's directory is read a few bytes at a time.
const AHEAD: usize = 8 << 10;

/// A reader whose clones read on their own. Cloning copies no bytes.
pub(crate) struct Bytes {
    store: Store,
    at: u64,
    /// What was read ahead, and where it begins.
    ahead: (u64, Vec<u8>),
}

#[derive(Clone)]
enum Store {
    Memory(Arc<[u8]>),
    File(Arc<File>, u64),
}

impl Bytes {
    pub fn memory(bytes: impl Into<Arc<[u8]>>) -> Self {
        Self::new(Store::Memory(bytes.into()))
    }

    /// Errors when the file's length cannot be had.
    pub fn file(file: File) -> io::Result<Self> {
        let len = file.metadata()?.len();
        Ok(Self::new(Store::File(Arc::new(file), len)))
    }

    fn new(store: Store) -> Self {
        Bytes { store, at: 0, ahead: (0, Vec::new()) }
    }

    pub fn len(&self) -> u64 {
        match &self.store {
            Store::Memory(bytes) => bytes.len() as u64,
            Store::File(_, len) => *len,
        }
    }

    /// Fills `out` with what lies at `offset`. Errors where less is there.
    pub fn read_exact_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let mut done = 0;
        while done < out.len() {
            match self.read_at(offset + done as u64, &mut out[done..])? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                more => done += more,
            }
        }
        Ok(())
    }

    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<usize> {
        match &self.store {
            Store::Memory(bytes) => {
                let from = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
                let count = out.len().min(bytes.len() - from);
                out[..count].copy_from_slice(&bytes[from..from + count]);
                Ok(count)
            }
            Store::File(file, _) => read_file_at(file, offset, out),
        }
    }
}

impl Clone for Bytes {
    fn clone(&self) -> Self {
        Bytes { store: self.store.clone(), at: self.at, ahead: (0, Vec::new()) }
    }
}

impl Read for Bytes {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = if out.len() >= AHEAD || matches!(self.store, Store::Memory(_)) {
            self.read_at(self.at, out)?
        } else {
            let here = |ahead: &(u64, Vec<u8>), at: u64| {
                at.checked_sub(ahead.0).map_or(0, |from| (ahead.1.len() as u64).saturating_sub(from))
            };
            if here(&self.ahead, self.at) == 0 {
                let mut more = std::mem::take(&mut self.ahead.1);
                more.resize(AHEAD, 0);
                let count = self.read_at(self.at, &mut more)?;
                more.truncate(count);
                self.ahead = (self.at, more);
            }
            let count = here(&self.ahead, self.at).min(out.len() as u64) as usize;
            let from = (self.at - self.ahead.0) as usize;
            out[..count].copy_from_slice(&self.ahead.1[from..from + count]);
            count
        };
        self.at += count as u64;
        Ok(count)
    }
}

impl Seek for Bytes {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let to = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.len().checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = to.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}

#[cfg(unix)]
fn read_file_at(file: &File, offset: u64, out: &mut [u8]) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, out, offset)
}

#[cfg(windows)]
fn read_file_at(file: &File, offset: u64, out: &mut [u8]) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, out, offset)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn a_file_and_memory_read_the_same_in_any_steps() {
        let all: Vec<u8> = (0..40_000u32).map(|i| ((i * i) >> 5) as u8).collect();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&all).unwrap();
        for mut bytes in [Bytes::memory(all.clone()), Bytes::file(file).unwrap()] {
            let mut other = bytes.clone();
            for (at, count) in [(0, 3), (3, 9_000), (9_003, 5), (39_990, 100), (50_000, 4), (8_190, 10), (7, 8_191)] {
                assert_eq!(bytes.seek(SeekFrom::Start(at)).unwrap(), at);
                let mut got = Vec::new();
                (&mut bytes).take(count).read_to_end(&mut got).unwrap();
                let from = (at as usize).min(all.len());
                assert_eq!(got, all[from..(from + count as usize).min(all.len())], "{at} {count}");
            }
            let mut got = Vec::new();
            other.read_to_end(&mut got).unwrap();
            assert!(got == all && other.len() == 40_000);
            assert!(bytes.seek(SeekFrom::Current(-60_000)).is_err());
            assert!(bytes.read_exact_at(39_999, &mut [0; 2]).is_err());
        }
    }
}
