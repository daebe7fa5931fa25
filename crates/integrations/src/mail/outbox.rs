//! A folder that mail is put into where there is no mail server: one file each, whole or not at all, for its owner's eyes.

use super::SendError;
use domain::Timestamp;
use domain::mails::Mail;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// The file of a mail: the same each time it is sent, in the order they were written.
pub(super) fn name(mail: &Mail) -> String {
    let kind: String = mail.kind.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(40).collect();
    format!("{}-{kind}-{}.eml", mail.created.format("%Y%m%dT%H%M%SZ"), mail.id.0)
}

/// Writes it; what is there under the same name is replaced.
pub(super) async fn put(folder: PathBuf, name: String, message: Vec<u8>) -> Result<PathBuf, SendError> {
    let written = tokio::task::spawn_blocking(move || write(&folder, &name, &message)).await;
    match written {
        Ok(Ok(path)) => Ok(path),
        Ok(Err(error)) => Err(SendError::Later(format!("the outbox cannot be written: {error}"))),
        Err(_) => Err(SendError::Later("the outbox was not written to its end".into())),
    }
}

fn write(folder: &Path, name: &str, message: &[u8]) -> io::Result<PathBuf> {
    make(folder)?;
    let (path, temporary) = (folder.join(name), folder.join(format!(".{name}.{}", std::process::id())));
    let written = fresh(&temporary).and_then(|mut file| {
        file.write_all(message)?;
        file.sync_all()
    });
    let moved = written.and_then(|()| std::fs::rename(&temporary, &path));
    if moved.is_err() {
        drop(std::fs::remove_file(&temporary));
    }
    moved.map(|()| path)
}

/// Removes these files; those that are gone already are no matter.
pub(super) async fn remove(folder: PathBuf, names: Vec<String>) {
    let removed = tokio::task::spawn_blocking(move || {
        for name in names {
            match std::fs::remove_file(folder.join(&name)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => tracing::warn!(name, %error, "a mail stays in the outbox"),
                _ => {}
            }
        }
    });
    drop(removed.await);
}

/// Removes the mails that were written before this moment, as their names say.
pub(super) async fn sweep(folder: PathBuf, before: Timestamp) {
    let last = before.format("%Y%m%dT%H%M%SZ").to_string();
    let names = std::fs::read_dir(&folder).into_iter().flatten().filter_map(|file| file.ok()?.file_name().into_string().ok());
    let old: Vec<String> = names.filter(|name| Path::new(name).extension().is_some_and(|kind| kind == "eml") && *name < last).collect();
    remove(folder, old).await;
}

fn make(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

fn fresh(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
