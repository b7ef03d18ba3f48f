use std::{
    fs::{File, Metadata, symlink_metadata},
    io::{self, Write},
    os::{
        fd::AsFd,
        unix::fs::{FileExt, MetadataExt},
    },
    path::{Path, PathBuf},
};

use rustix::{
    fs::{Mode, OFlags, open},
    io::Errno,
};

use super::DecisionLogTarget;

/// The permissions of a new file: it names people and what they do.
const MODE: u32 = 0o600;

/// The open destination of the log.
pub(super) struct Sink {
    file: File,
    /// The path of the file; `None` for standard output.
    path: Option<PathBuf>,
}

/// The file that the following lines are written to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum SinkFile {
    /// The same as before.
    Same,
    /// A new one.
    Opened,
}

impl Sink {
    /// Opens the destination.
    pub(super) fn open(target: &DecisionLogTarget) -> io::Result<Self> {
        match target {
            DecisionLogTarget::Stdout => {
                let file = io::stdout().as_fd().try_clone_to_owned()?.into();
                Ok(Self { file, path: None })
            }
            DecisionLogTarget::File(path) => {
                Ok(Self { file: open_file(path)?, path: Some(path.clone()) })
            }
        }
    }

    /// Opens the file again if it was renamed or removed, as a rotation does.
    pub(super) fn reopen_if_replaced(&mut self) -> io::Result<SinkFile> {
        let Some(path) = &self.path else { return Ok(SinkFile::Same) };
        let identity = |metadata: Metadata| (metadata.dev(), metadata.ino());
        let current = symlink_metadata(path).map(identity);
        if current.is_ok_and(|current| self.file.metadata().map(identity).ok() == Some(current)) {
            return Ok(SinkFile::Same);
        }
        self.file = open_file(path)?;
        Ok(SinkFile::Opened)
    }

    /// Writes the bytes from `written` on, which is advanced also if a later write fails.
    pub(super) fn write(&mut self, bytes: &[u8], written: &mut usize) -> io::Result<()> {
        while *written < bytes.len() {
            match self.file.write(&bytes[*written..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => *written += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Checks that a decision log can be written to this path, without creating the file.
///
/// # Errors
/// The path exists and is not a regular file, or its folder does not exist.
pub fn check_file(path: &Path) -> io::Result<()> {
    match symlink_metadata(path) {
        Ok(metadata) => check_regular(&metadata),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            let folder = folder.unwrap_or(Path::new("."));
            let is_folder = folder.metadata()?.is_dir();
            is_folder.then_some(()).ok_or_else(|| io::ErrorKind::NotADirectory.into())
        }
        Err(error) => Err(error),
    }
}

fn check_regular(metadata: &Metadata) -> io::Result<()> {
    if metadata.is_file() {
        return Ok(());
    }
    Err(io::Error::other(if metadata.is_symlink() {
        "the file is a symbolic link: use the path of its target, or `stdout`"
    } else {
        "not a regular file: use the path of a file, which is created if it does not exist, or `stdout`"
    }))
}

/// Opens a regular file, which is created if it does not exist. Other programs that open it for
/// appending, or truncate it, do no harm.
fn open_file(path: &Path) -> io::Result<File> {
    // A pipe that is opened for reading as well does not wait for a reader.
    let flags = OFlags::RDWR | OFlags::APPEND | OFlags::CREATE | OFlags::NONBLOCK;
    let flags = flags | OFlags::NOFOLLOW | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = match open(path, flags, Mode::from_raw_mode(MODE)) {
        Ok(file) => File::from(file),
        Err(Errno::LOOP | Errno::ISDIR) => {
            check_file(path)?;
            return Err(Errno::LOOP.into());
        }
        Err(error) => return Err(error.into()),
    };
    check_regular(&file.metadata()?)?;
    end_last_line(&file)?;
    Ok(file)
}

/// Ends the last line, if a crash has cut it: the next record would be unreadable, too.
fn end_last_line(file: &File) -> io::Result<()> {
    let Some(last) = file.metadata()?.len().checked_sub(1) else { return Ok(()) };
    let mut byte = [b'\n'];
    file.read_at(&mut byte, last)?;
    if byte == *b"\n" { Ok(()) } else { (&*file).write_all(b"\n") }
}
