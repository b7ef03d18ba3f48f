use std::{
    fmt::Display,
    fs,
    path::{Path, PathBuf},
};

use rustls::pki_types::{CertificateDer, pem::PemObject};

/// The authorities whose signatures on server certificates are accepted.
#[derive(Clone, Debug)]
pub enum TrustRoots {
    /// The authorities of the operating system.
    System,
    /// Only the authorities in this PEM file.
    CaFile(PathBuf),
    /// Only the authorities in the PEM files of this directory.
    CaDirectory(PathBuf),
}

/// Reads the certificates of a PEM file; an error if it contains none.
pub(super) fn read_file(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let certificates = parse_file(file)?;
    if certificates.is_empty() {
        return Err(format!("{}: the file contains no PEM certificate", file.display()));
    }
    Ok(certificates)
}

/// Reads the certificates of all files in a directory; an error if there are none. Files without
/// certificates are skipped.
pub(super) fn read_directory(directory: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let unreadable = file_error(directory);
    let mut certificates = Vec::new();
    for entry in fs::read_dir(directory).map_err(&unreadable)? {
        let path = entry.map_err(&unreadable)?.path();
        if path.is_file() {
            certificates.extend(parse_file(&path)?);
        }
    }
    if certificates.is_empty() {
        return Err(format!("{}: no file in it has a PEM certificate", directory.display()));
    }
    Ok(certificates)
}

fn parse_file(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    CertificateDer::pem_file_iter(file).and_then(Iterator::collect).map_err(file_error(file))
}

/// Returns a function that prefixes an error with the path of the file.
pub(super) fn file_error<E: Display>(file: &Path) -> impl Fn(E) -> String {
    move |error| format!("{}: {error}", file.display())
}
