//! Where decoded pixels go, in any order: memory for small sets, a file for the cache.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use harness_core::Error;
use harness_core::images::Pixels;
use memmap2::Mmap;

use crate::bytes::Bytes;

/// Takes bytes at offsets from many threads. A file is written by ordinary writes, so that a full disk is an error and
/// not the bus error that it would be through a writable map.
pub(crate) enum Sink {
    Memory(Mutex<Vec<u8>>),
    File(File, PathBuf),
}

impl Sink {
    /// `bytes` zeros in memory.
    pub fn memory(bytes: usize) -> Self {
        Sink::Memory(Mutex::new(vec![0; bytes]))
    }

    /// Writes `bytes` at `offset`. Panics out of range in memory.
    pub fn put(&self, offset: usize, bytes: &[u8]) -> io::Result<()> {
        match self {
            Sink::Memory(all) => {
                all.lock().unwrap()[offset..offset + bytes.len()].copy_from_slice(bytes);
                Ok(())
            }
            Sink::File(file, _) => write_at(file, offset as u64, bytes),
        }
    }

    /// The `len` bytes at `offset`.
    pub fn get(&self, offset: usize, len: usize) -> io::Result<Vec<u8>> {
        match self {
            Sink::Memory(all) => Ok(all.lock().unwrap()[offset..offset + len].to_vec()),
            Sink::File(file, _) => {
                let mut bytes = vec![0; len];
                Bytes::file(file.try_clone()?)?.read_exact_at(offset as u64, &mut bytes)?;
                Ok(bytes)
            }
        }
    }

    /// An [`Error::Io`] at the sink's file.
    pub fn error(&self, error: io::Error) -> Error {
        match self {
            Sink::Memory(_) => Error::io("memory", error),
            Sink::File(_, path) => Error::io(path, error),
        }
    }

    /// All that was put, `bytes` of it.
    pub fn into_pixels(self, bytes: usize) -> io::Result<Pixels> {
        match self {
            Sink::Memory(all) => Ok(Box::new(all.into_inner().unwrap())),
            Sink::File(file, _) => Ok(Box::new(Mapped::new(&file, bytes)?)),
        }
    }
}

/// After so many looks at a mapped file its pages are let go, so that a process holds some dozens of megabytes of a set and not
/// all that it ever saw of it. The system keeps them as long as it has room: what is looked at again is not read again.
const LOOKS: usize = 2048;

/// The first bytes of a mapped file. Every [`AsRef::as_ref`] counts as a look, of some kilobytes.
pub(crate) struct Mapped {
    map: Mmap,
    len: usize,
    looks: AtomicUsize,
}

impl Mapped {
    /// Errors when the file is shorter than `len`.
    pub fn new(file: &File, len: usize) -> io::Result<Self> {
        // SAFETY: what is mapped is a cache file, which is only ever replaced by renaming and never changed in place by
        // this program, or a file that only this process has; that nobody else changes it by hand while it is mapped
        // is assumed, as by every program that maps files.
        let map = unsafe { Mmap::map(file) }?;
        if map.len() < len {
            return Err(io::Error::other("fewer bytes than there should be"));
        }
        Ok(Mapped { map, len, looks: AtomicUsize::new(0) })
    }

    /// The whole file.
    pub fn whole(&self) -> &[u8] {
        &self.map
    }

    /// Lets go of the memory that holds these bytes of the file until they are looked at again.
    pub fn let_go(&self, bytes: std::ops::Range<usize>) {
        // SAFETY: the map is of a file and read-only, so pages hold nothing that the file does not: whoever reads one
        // that was let go, this very moment too, gets the same bytes again.
        #[cfg(unix)]
        let _ =
            unsafe { self.map.unchecked_advise_range(memmap2::UncheckedAdvice::DontNeed, bytes.start, bytes.len()) };
        #[cfg(not(unix))]
        let _ = bytes;
    }
}

impl AsRef<[u8]> for Mapped {
    fn as_ref(&self) -> &[u8] {
        if self.looks.fetch_add(1, Ordering::Relaxed) % LOOKS == LOOKS - 1 {
            self.let_go(0..self.map.len());
        }
        &self.map[..self.len]
    }
}

#[cfg(unix)]
fn write_at(file: &File, offset: u64, bytes: &[u8]) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, offset)
}

#[cfg(windows)]
fn write_at(file: &File, mut offset: u64, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let written = std::os::windows::fs::FileExt::seek_write(file, bytes, offset)?;
        offset += written as u64;
        bytes = &bytes[written..];
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    /// Resident pages of this process that belong to files, in bytes. Only Linux tells.
    #[cfg(target_os = "linux")]
    fn resident(path: &std::path::Path) -> usize {
        let maps = std::fs::read_to_string("/proc/self/smaps").unwrap();
        let own = maps.split_once(path.to_str().unwrap()).expect("it is mapped").1;
        let line = own.lines().find_map(|line| line.strip_prefix("Rss:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_mapped_file_that_was_seen_is_let_go_and_reads_the_same() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let bytes: Vec<u8> = (0..64usize << 20).map(|i| (i / 4096 % 251) as u8).collect();
        file.write_all(&bytes).unwrap();
        let map = Mapped::new(file.as_file(), bytes.len()).unwrap();
        assert!(map.as_ref() == bytes);
        assert!(resident(file.path()) >= bytes.len() / 2);
        map.let_go(0..bytes.len());
        assert!(resident(file.path()) < 1 << 20);
        assert!(map.as_ref() == bytes);
        for _ in 0..LOOKS {
            map.as_ref();
        }
        assert!(resident(file.path()) < 1 << 20);
    }
}
