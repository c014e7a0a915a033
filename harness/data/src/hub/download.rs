//! One file: resumed, limited, checked, and only then given its name.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use harness_core::{Error, Result};
use md5::Md5;
use sha2::{Digest, Sha256};

use super::Limits;
use super::http::{Failure, Http, header};
use super::patience::Patience;
use crate::progress::{Progress, Step};

/// Bytes between two reports of progress.
const REPORT: u64 = 1 << 20;

/// A file to fetch and how to know that it is right.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub url: String,
    /// In bytes, where it is known beforehand.
    pub size: Option<u64>,
    /// Longest that it may be where its size is not known.
    pub at_most: u64,
    pub checksum: Checksum,
}

/// In hex digits, lower case.
#[derive(Clone, Debug)]
pub(super) enum Checksum {
    Sha256(String),
    Md5(String),
}

impl Checksum {
    fn digits(&self) -> &str {
        match self {
            Checksum::Sha256(digits) | Checksum::Md5(digits) => digits,
        }
    }

    fn is_of(&self, file: &mut File) -> std::io::Result<bool> {
        file.seek(SeekFrom::Start(0))?;
        Ok(match self {
            Checksum::Sha256(digits) => *digits == hash_all::<Sha256>(file)?,
            Checksum::Md5(digits) => *digits == hash_all::<Md5>(file)?,
        })
    }
}

fn hash_all<D: Digest>(file: &mut File) -> std::io::Result<String> {
    let (mut hash, mut buffer) = (D::new(), vec![0; 1 << 16]);
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()),
            n => hash.update(&buffer[..n]),
        }
    }
}

impl Wanted {
    /// Whether `path` is this file, whole.
    pub fn is_at(&self, path: &Path) -> bool {
        let check = || -> std::io::Result<bool> {
            let mut file = File::open(path)?;
            Ok(self.size.is_none_or(|size| file.metadata().is_ok_and(|m| m.len() == size))
                && self.checksum.is_of(&mut file)?)
        };
        check().unwrap_or(false)
    }

    /// Where its bytes are gathered. The checksum is in the name, so that another version is never resumed.
    fn part(&self, path: &Path) -> PathBuf {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        path.with_file_name(format!(".{name}.{}.part", &self.checksum.digits()[..12]))
    }
}

/// Brings `wanted` to `path`. `copy` is a file that may be it already. Returns the bytes that came over the network.
///
/// Errors: [`Error::Data`] when the server does not give it within the limits, naming the address and the reason;
/// [`Error::Io`] when it cannot be written. What had arrived stays for the next attempt, unless it was wrong.
pub(super) fn download(
    http: &Http<'_>,
    limits: &Limits,
    wanted: &Wanted,
    path: &Path,
    copy: Option<&Path>,
    progress: Progress,
) -> Result<u64> {
    if wanted.is_at(path) {
        return Ok(0);
    }
    let part = wanted.part(path);
    let io = |error| Error::io(&part, error);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|error| Error::io(folder, error))?;
    }
    let before = fs::metadata(&part).map_or(0, |metadata| metadata.len());
    if let Some(copy) = copy.filter(|copy| before == 0 && wanted.is_at(copy)) {
        fs::copy(copy, &part).map_err(io)?;
    }
    let mut received = 0;
    let mut pause = limits.pause;
    let mut last = String::new();
    for attempt in 1..=limits.attempts {
        let mark = http.patience.mark();
        let (what, wait) = match gather(http, limits, wanted, &part, &mut received, progress)? {
            Ok(()) => {
                fs::rename(&part, path).map_err(|error| Error::io(path, error))?;
                return Ok(received);
            }
            Err(Failure::Final(what)) => return Err(Error::data(what)),
            Err(Failure::Range) => {
                let _ = fs::remove_file(&part);
                ("the server has no such range".to_string(), None)
            }
            Err(Failure::Passing(what, wait)) => (what, wait),
        };
        if attempt < limits.attempts {
            let wait = wait.unwrap_or(pause).min(limits.longest_pause);
            progress(Step::Note(&format!("{what}; attempt {} of {} in {wait:?}", attempt + 1, limits.attempts)));
            http.patience.pause(wait, http.patience.spent_since(mark));
            pause *= 2;
        }
        last = what;
    }
    Err(Error::data(format!("{last}; gave up after {} attempts, what arrived is kept: run it again", limits.attempts)))
}

/// One attempt: the rest of the part, then the check of the whole. A wrong whole is thrown away.
fn gather(
    http: &Http<'_>,
    limits: &Limits,
    wanted: &Wanted,
    part: &Path,
    received: &mut u64,
    progress: Progress,
) -> Result<Result<(), Failure>> {
    let io = |error| Error::io(part, error);
    let mut file = File::options().create(true).truncate(false).read(true).write(true).open(part).map_err(io)?;
    let mut have = file.metadata().map_err(io)?.len();
    if have > wanted.size.unwrap_or(wanted.at_most) {
        file.set_len(0).map_err(io)?;
        have = 0;
    }
    if wanted.size != Some(have) {
        let answer = match http.get(&wanted.url, have) {
            Ok(answer) => answer,
            Err(failure) => return Ok(Err(failure)),
        };
        let resumed = answer.status() == 206
            && header(answer.headers(), "content-range")
                .is_some_and(|range| range.starts_with(&format!("bytes {have}-")));
        if have > 0 && !resumed {
            // The server sends the whole again; half and whole together would be neither.
            file.set_len(0).map_err(io)?;
            have = 0;
            if answer.status() == 206 {
                return Ok(Err(Failure::Passing(format!("{}: another range than was asked for", wanted.url), None)));
            }
        }
        file.seek(SeekFrom::Start(have)).map_err(io)?;
        let (reader, patience) = (answer.into_body().into_reader(), http.patience);
        let mut body = Body { reader, patience, limits, wanted, have, received, progress };
        if let Err(failure) = body.write_to(&mut file).map_err(io)? {
            return Ok(Err(failure));
        }
    }
    if !wanted.checksum.is_of(&mut file).map_err(io)? {
        drop(file);
        let _ = fs::remove_file(part);
        return Ok(Err(Failure::Passing(format!("{}: what arrived has another checksum", wanted.url), None)));
    }
    file.sync_all().map_err(io)?;
    Ok(Ok(()))
}

struct Body<'a, R> {
    reader: R,
    patience: &'a Patience,
    limits: &'a Limits,
    wanted: &'a Wanted,
    /// Bytes of the file that are here, those of earlier attempts included.
    have: u64,
    received: &'a mut u64,
    progress: Progress<'a>,
}

impl<R: Read> Body<'_, R> {
    /// Outer error: writing failed. Inner: the server did not give what it should.
    fn write_to(&mut self, file: &mut File) -> std::io::Result<Result<(), Failure>> {
        let url = &self.wanted.url;
        let most = self.wanted.size.unwrap_or(self.wanted.at_most);
        let name = url.rsplit('/').next().unwrap_or(url);
        let (mut buffer, mut reported) = (vec![0; 1 << 16], 0);
        let (mut since, mut then) = (Instant::now(), self.have);
        loop {
            let began = Instant::now();
            let n = match self.reader.read(&mut buffer) {
                Ok(n) => n,
                Err(error) => {
                    self.patience.spend(began);
                    let what = format!("{url}: cut off at byte {}: {}", self.have, crate::one_line(&error));
                    return Ok(Err(Failure::Passing(what, None)));
                }
            };
            if n == 0 {
                break;
            }
            if self.have == 0 && buffer[0] == b'<' {
                return Ok(Err(Failure::Passing(format!("{url}: a web page instead of the file"), None)));
            }
            if self.have + n as u64 > most {
                // Longer than it may be: nothing of it can be trusted.
                file.set_len(0)?;
                return Ok(Err(Failure::Passing(format!("{url}: more than the {most} bytes it should have"), None)));
            }
            file.write_all(&buffer[..n])?;
            self.have += n as u64;
            *self.received += n as u64;
            if self.have - reported >= REPORT {
                reported = self.have;
                (self.progress)(Step::Downloading { file: name, done: self.have, total: self.wanted.size });
            }
            if since.elapsed() >= self.limits.crawl {
                if self.have - then < 1024 * self.limits.crawl.as_secs().max(1) {
                    return Ok(Err(Failure::Passing(format!("{url}: less than a kilobyte a second"), None)));
                }
                (since, then) = (Instant::now(), self.have);
            }
        }
        (self.progress)(Step::Downloading { file: name, done: self.have, total: self.wanted.size });
        match self.wanted.size {
            Some(size) if self.have < size => {
                Ok(Err(Failure::Passing(format!("{url}: ended at byte {} of {size}", self.have), None)))
            }
            _ => Ok(Ok(())),
        }
    }
}
