use std::{
    fs::{File, Metadata},
    io::{self, Read, Seek, SeekFrom},
    os::unix::fs::MetadataExt,
    path::PathBuf,
    sync::{Arc, Weak},
    thread,
    time::Duration,
};

use tokio::runtime::Handle;

use super::{AuditFeed, EntryReader};

/// The pause after the end of the file was reached.
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// The pause after an error.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// The size of the chunks that are read, in bytes.
const CHUNK: usize = 64 * 1024;

/// Follows the file of an audit device in a thread of its own, from its present end on, and applies its
/// entries. The thread ends after the feed is dropped. Must be called in a runtime.
///
/// # Errors
/// If no thread can be created.
pub fn follow_file(path: PathBuf, feed: &Arc<AuditFeed>) -> io::Result<()> {
    let (feed, runtime) = (Arc::downgrade(feed), Handle::current());
    let thread = thread::Builder::new().name("audit-file".to_owned());
    thread.spawn(move || FileFollower::new(path, feed, runtime).run()).map(drop)
}

struct FileFollower {
    path: PathBuf,
    feed: Weak<AuditFeed>,
    runtime: Handle,
    /// The entries since the last line that was applied.
    entries: EntryReader,
    /// The last error, so that it is logged once.
    error: Option<io::ErrorKind>,
}

/// An open file that is read to its end.
struct OpenFile {
    file: File,
    /// The device and the inode, which differ from those of `path` once the file was rotated.
    identity: (u64, u64),
    position: u64,
}

/// The reason to read on from elsewhere.
enum Next {
    /// A new file is at the path.
    Rotated,
    /// The file was truncated: entries may be lost.
    Truncated,
    /// The feed is gone.
    Stopped,
}

impl FileFollower {
    fn new(path: PathBuf, feed: Weak<AuditFeed>, runtime: Handle) -> Self {
        Self { path, feed, runtime, entries: EntryReader::default(), error: None }
    }

    fn run(mut self) {
        let mut start = SeekFrom::End(0);
        loop {
            match self.open(start).and_then(|file| self.read(file)) {
                Ok(Next::Rotated) => {
                    self.apply();
                    start = SeekFrom::Start(0);
                }
                Ok(Next::Truncated) => {
                    self.entries = EntryReader::default();
                    self.lose_entries();
                    start = SeekFrom::Start(0);
                }
                Ok(Next::Stopped) => return,
                Err(error) => {
                    self.log_error(&error);
                    self.entries = EntryReader::default();
                    // A file that appears later is read from its start.
                    start = SeekFrom::Start(0);
                    pause(RETRY_INTERVAL);
                }
            }
            if self.feed.strong_count() == 0 {
                return;
            }
        }
    }

    fn open(&self, start: SeekFrom) -> io::Result<OpenFile> {
        let mut file = File::open(&self.path)?;
        let identity = identity(&file.metadata()?);
        let position = file.seek(start)?;
        Ok(OpenFile { file, identity, position })
    }

    /// Reads and applies entries until something else has to be done.
    fn read(&mut self, mut open: OpenFile) -> io::Result<Next> {
        if self.error.take().is_some() {
            self.interrupt();
            tracing::info!(file = %self.path.display(), "the audit file is read again");
        }
        let mut chunk = vec![0; CHUNK];
        let mut is_rotated = false;
        loop {
            let length = match open.file.read(&mut chunk) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                length => length?,
            };
            if length > 0 {
                open.position += u64::try_from(length).unwrap_or(u64::MAX);
                self.push(&chunk[..length]);
                continue;
            }
            if is_rotated {
                return Ok(Next::Rotated);
            }
            if self.feed.strong_count() == 0 {
                return Ok(Next::Stopped);
            }
            if open.file.metadata()?.len() < open.position {
                return Ok(Next::Truncated);
            }
            // What was written to the old file before it was rotated is read first.
            is_rotated = self.is_rotated(open.identity);
            if !is_rotated {
                pause(POLL_INTERVAL);
            }
        }
    }

    /// Returns true if Vault writes to another file. An empty one may have been created in advance, while
    /// Vault still writes to the old one.
    fn is_rotated(&self, opened: (u64, u64)) -> bool {
        let metadata = self.path.metadata();
        metadata.is_ok_and(|found| identity(&found) != opened && found.len() > 0)
    }

    /// Reads a chunk, and applies the entries up to its last complete line.
    fn push(&mut self, chunk: &[u8]) {
        match chunk.iter().rposition(|byte| *byte == b'\n') {
            Some(end) => {
                self.entries.push(&chunk[..end]);
                self.apply();
                self.entries.push(&chunk[end + 1..]);
            }
            None => self.entries.push(chunk),
        }
    }

    fn apply(&mut self) {
        let entries = std::mem::take(&mut self.entries);
        if let Some(feed) = self.feed.upgrade() {
            let _context = self.runtime.enter();
            self.runtime.block_on(feed.receive(entries));
        }
    }

    fn lose_entries(&self) {
        if let Some(feed) = self.feed.upgrade() {
            feed.lose_entries();
        }
    }

    fn interrupt(&self) {
        if let Some(feed) = self.feed.upgrade() {
            feed.interrupt();
        }
    }

    fn log_error(&mut self, error: &io::Error) {
        if self.error != Some(error.kind()) {
            self.error = Some(error.kind());
            self.lose_entries();
            let file = self.path.display();
            tracing::warn!(%file, %error, "the audit file cannot be read");
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the thread runs nothing else")]
fn pause(time: Duration) {
    thread::sleep(time);
}

fn identity(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}
