//! A copy of everything in one file, and everything back out of it: the same file for every database.
//!
//! A gzipped tar archive: a file of JSON lines for each table, one row a line, and `manifest.json` with the changes the tables have had,
//! and each table's rows and SHA-256. It is taken in one reading transaction, so it shows one moment while others go on writing.

use crate::Store;
use crate::dialect::{self, Access, Scope};
use crate::errors::{Error, Result};
use crate::{
    accounts, alerts, archives, audit, calls, decisions, deployments, erasing, evals, events, generations, guests, idempotency, identities,
    jobs, keyring, links, mails, proposals, queue, releases, runs, scores, sections, sessions, spans, takes, tiers, tokens, usage,
    ventures,
};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use futures::TryStreamExt as _;
use sea_orm::prelude::Uuid;
use sea_orm::sea_query::{Expr, ExprTrait as _, Query};
use sea_orm::{ConnectionTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, ModelTrait, PaginatorTrait};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::{BufRead as _, BufReader, BufWriter, Read, Write};
use std::path::Path;

/// The first word of a manifest.
const FORMAT: &str = "planner-backup-1";
/// Rows that are written at once; `SQLite` takes at most 32,766 values in a statement.
const BATCH: usize = 200;

/// A table and how many of its rows were copied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Copied {
    /// The table.
    pub table: String,
    /// Its rows.
    pub rows: u64,
    /// SHA-256 of its lines, hexadecimal.
    pub sha256: String,
}

/// What becomes of what is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overwrite {
    /// A place that is not empty is refused.
    No,
    /// It is removed first, in the same transaction.
    Yes,
}

#[derive(Debug, Serialize, Deserialize)]
struct Manifest {
    format: String,
    changes: Vec<String>,
    tables: Vec<Copied>,
}

/// Does one step for every table, those first that others refer to. Vectors come last, because they are no entities.
macro_rules! each_table {
    ($step:ident($($arg:expr),*)) => {{
        $step::<ventures::row::Entity>($($arg),*).await?;
        $step::<runs::row::Entity>($($arg),*).await?;
        $step::<generations::row::Entity>($($arg),*).await?;
        $step::<usage::row::Entity>($($arg),*).await?;
        $step::<spans::row::Entity>($($arg),*).await?;
        $step::<sections::row::Entity>($($arg),*).await?;
        $step::<events::row::Entity>($($arg),*).await?;
        $step::<calls::row::Entity>($($arg),*).await?;
        $step::<idempotency::row::Entity>($($arg),*).await?;
        $step::<jobs::row::Entity>($($arg),*).await?;
        $step::<queue::pause::Entity>($($arg),*).await?;
        $step::<accounts::row::Entity>($($arg),*).await?;
        $step::<sessions::row::Entity>($($arg),*).await?;
        $step::<tokens::row::Entity>($($arg),*).await?;
        $step::<links::row::Entity>($($arg),*).await?;
        $step::<identities::row::Entity>($($arg),*).await?;
        $step::<guests::row::Entity>($($arg),*).await?;
        $step::<takes::row::Entity>($($arg),*).await?;
        $step::<alerts::row::Entity>($($arg),*).await?;
        $step::<audit::row::Entity>($($arg),*).await?;
        $step::<archives::row::Entity>($($arg),*).await?;
        $step::<scores::row::Entity>($($arg),*).await?;
        $step::<decisions::row::Entity>($($arg),*).await?;
        $step::<mails::row::Entity>($($arg),*).await?;
        $step::<proposals::row::Entity>($($arg),*).await?;
        $step::<proposals::file::Entity>($($arg),*).await?;
        $step::<proposals::comment::Entity>($($arg),*).await?;
        $step::<releases::row::Entity>($($arg),*).await?;
        $step::<releases::text::Entity>($($arg),*).await?;
        $step::<deployments::turn::Entity>($($arg),*).await?;
        $step::<deployments::row::Entity>($($arg),*).await?;
        $step::<deployments::serving::Entity>($($arg),*).await?;
        $step::<evals::row::Entity>($($arg),*).await?;
        $step::<evals::case::Entity>($($arg),*).await?;
        $step::<keyring::row::Entity>($($arg),*).await?;
        $step::<tiers::row::Entity>($($arg),*).await?;
        $step::<erasing::row::Entity>($($arg),*).await?;
    }};
}

impl Store {
    /// Writes a copy of everything into a new file while others go on working.
    ///
    /// # Errors
    /// [`Error::Copy`] when the file exists or cannot be written.
    pub async fn back_up(&self, file: &Path) -> Result<Vec<Copied>> {
        self.owning.check_owner().await?;
        let begun = self.owning.begin(Scope::Owner, Access::Read).await?;
        let folder = tempfile::tempdir_in(folder_of(file)).map_err(|fault| unwritable(file, &fault))?;
        let mut copied = Vec::new();
        let (tx, out) = (&begun.tx, (folder.path(), &mut copied));
        let (dir, copied_ref) = out;
        each_table!(write_table(tx, dir, copied_ref));
        write_vectors(tx, dir, copied_ref).await?;
        let changes = self.changes().await?.into_iter().filter(|change| change.applied).map(|change| change.name).collect();
        let manifest = Manifest { format: FORMAT.into(), changes, tables: copied.clone() };
        pack(file, folder.path(), &manifest).map_err(|fault| unwritable(file, &fault))?;
        Ok(copied)
    }

    /// Brings everything back out of a file, all or nothing.
    ///
    /// # Errors
    /// [`Error::Copy`] when the file is damaged, was made for other tables, or the place is not empty.
    pub async fn restore(&self, file: &Path, overwrite: Overwrite) -> Result<Vec<Copied>> {
        let folder = tempfile::tempdir().map_err(|fault| unreadable(file, &fault))?;
        let manifest = unpack(file, folder.path())?;
        let ours: Vec<String> = self.changes().await?.into_iter().map(|change| change.name).collect();
        if manifest.changes != ours {
            let has = manifest.changes.last().cloned().unwrap_or_default();
            return Err(refused(
                file,
                format!("was made by another version (its tables end with \"{has}\"); restore it with that version, then migrate"),
            ));
        }
        self.owning.check_owner().await?;
        let begun = self.owning.begin(Scope::Owner, Access::Write).await?;
        let (tx, dir) = (&begun.tx, folder.path());
        if overwrite == Overwrite::Yes {
            empty(tx).await?;
        }
        let mut there = Vec::new();
        let found = &mut there;
        each_table!(note_rows(tx, found));
        if let Some(table) = there.first() {
            return Err(refused(
                file,
                format!("was not restored: the database is not empty (the table {table} has rows); use --force to replace what is there"),
            ));
        }
        each_table!(read_table(tx, dir));
        read_vectors(tx, dir).await?;
        begun.tx.commit().await?;
        Ok(manifest.tables)
    }
}

/// Removes every row; what refers to others goes first, or with them.
async fn empty(tx: &DatabaseTransaction) -> Result<()> {
    async fn delete<E: EntityTrait>(tx: &DatabaseTransaction) -> Result<()> {
        E::delete_many().exec(tx).await?;
        Ok(())
    }
    dialect::unseal_audit(tx).await?;
    each_table!(delete(tx));
    Ok(dialect::reseal_audit(tx).await?)
}

async fn note_rows<E>(tx: &DatabaseTransaction, there: &mut Vec<String>) -> Result<()>
where
    E: EntityTrait,
    E::Model: Sync,
{
    if E::find().count(tx).await? > 0 {
        there.push(E::default().table_name().to_owned());
    }
    Ok(())
}

async fn write_table<E>(tx: &DatabaseTransaction, dir: &Path, copied: &mut Vec<Copied>) -> Result<()>
where
    E: EntityTrait,
    E::Model: Serialize + Send,
{
    let table = E::default().table_name().to_owned();
    let mut lines = Lines::new(dir, &table)?;
    let mut rows = E::find().stream(tx).await?;
    while let Some(row) = rows.try_next().await? {
        lines.add(&row)?;
    }
    copied.push(lines.end(table)?);
    Ok(())
}

async fn read_table<E>(tx: &DatabaseTransaction, dir: &Path) -> Result<()>
where
    E: EntityTrait,
    E::Model: DeserializeOwned + ModelTrait<Entity = E> + IntoActiveModel<E::ActiveModel>,
    E::ActiveModel: Send,
{
    let table = E::default().table_name().to_owned();
    let mut batch = Vec::new();
    for row in rows_of::<E::Model>(dir, &table)? {
        batch.push(row?.into_active_model());
        if batch.len() == BATCH {
            E::insert_many(std::mem::take(&mut batch)).exec_without_returning(tx).await?;
        }
    }
    if !batch.is_empty() {
        E::insert_many(batch).exec_without_returning(tx).await?;
    }
    Ok(())
}

/// A row of `embeddings` as it is copied.
#[derive(Debug, Serialize, Deserialize)]
struct Embedding {
    venture_id: Uuid,
    section: String,
    owner_id: Uuid,
    model: String,
    vector: Vec<f32>,
}

async fn write_vectors(tx: &DatabaseTransaction, dir: &Path, copied: &mut Vec<Copied>) -> Result<()> {
    let mut lines = Lines::new(dir, "embeddings")?;
    let asked = Query::select()
        .columns(["venture_id", "section", "owner_id", "model"])
        .expr_as(dialect::vector_as_text(tx), "numbers")
        .from("embeddings")
        .and_where(Expr::col("embedding").is_not_null())
        .to_owned();
    for row in tx.query_all(&asked).await? {
        let numbers: String = row.try_get("", "numbers")?;
        let (venture_id, section) = (row.try_get("", "venture_id")?, row.try_get("", "section")?);
        let embedding = dialect::vector_from_text(tx, &numbers);
        let embedding = embedding.ok_or_else(|| Error::corrupt("embeddings", venture_id)("its vector cannot be read"))?;
        lines.add(&Embedding {
            venture_id,
            section,
            owner_id: row.try_get("", "owner_id")?,
            model: row.try_get("", "model")?,
            vector: embedding,
        })?;
    }
    copied.push(lines.end("embeddings".into())?);
    Ok(())
}

async fn read_vectors(tx: &DatabaseTransaction, dir: &Path) -> Result<()> {
    for row in rows_of::<Embedding>(dir, "embeddings")? {
        let row = row?;
        let vector = dialect::vector(tx, &row.vector);
        let insert = Query::insert()
            .into_table("embeddings")
            .columns(["venture_id", "section", "owner_id", "model", "embedding"])
            .values_panic([row.venture_id.into(), row.section.into(), row.owner_id.into(), row.model.into(), vector])
            .to_owned();
        tx.execute(&insert).await?;
    }
    Ok(())
}

/// The lines of a table as they are written.
struct Lines {
    out: BufWriter<File>,
    hash: Sha256,
    rows: u64,
}

impl Lines {
    fn new(dir: &Path, table: &str) -> Result<Self> {
        let path = dir.join(format!("{table}.jsonl"));
        let out = File::create(&path).map_err(|fault| unwritable(&path, &fault))?;
        Ok(Self { out: BufWriter::new(out), hash: Sha256::new(), rows: 0 })
    }

    fn add(&mut self, row: &impl Serialize) -> Result<()> {
        let mut line = serde_json::to_vec(row).map_err(|fault| sea_orm::DbErr::Json(fault.to_string()))?;
        line.push(b'\n');
        self.hash.update(&line);
        self.rows += 1;
        self.out.write_all(&line).map_err(|fault| unwritable(Path::new("the copy"), &fault))
    }

    fn end(mut self, table: String) -> Result<Copied> {
        self.out.flush().map_err(|fault| unwritable(Path::new("the copy"), &fault))?;
        Ok(Copied { table, rows: self.rows, sha256: hex::encode(self.hash.finalize()) })
    }
}

fn rows_of<T: DeserializeOwned>(dir: &Path, table: &str) -> Result<impl Iterator<Item = Result<T>>> {
    let path = dir.join(format!("{table}.jsonl"));
    let file = File::open(&path).map_err(|fault| unreadable(&path, &fault))?;
    let table = table.to_owned();
    Ok(BufReader::new(file).lines().enumerate().map(move |(at, line)| {
        let row = line.map_err(|fault| fault.to_string()).and_then(|line| serde_json::from_str(&line).map_err(|fault| fault.to_string()));
        row.map_err(|fault| refused(Path::new(&table), format!("has a row that cannot be read, in line {}: {fault}", at + 1)))
    }))
}

/// Everything into one file that appears only when it is whole.
fn pack(file: &Path, dir: &Path, manifest: &Manifest) -> std::io::Result<()> {
    let partial = tempfile::NamedTempFile::new_in(folder_of(file))?;
    let mut archive = tar::Builder::new(GzEncoder::new(BufWriter::new(partial.as_file()), Compression::default()));
    let text = serde_json::to_vec_pretty(manifest)?;
    let mut header = tar::Header::new_gnu();
    header.set_size(text.len() as u64);
    header.set_mode(0o600);
    header.set_cksum();
    archive.append_data(&mut header, "manifest.json", text.as_slice())?;
    for Copied { table, .. } in &manifest.tables {
        let name = format!("{table}.jsonl");
        archive.append_path_with_name(dir.join(&name), &name)?;
    }
    archive.into_inner()?.finish()?.flush()?;
    partial.as_file().sync_all()?;
    partial.persist_noclobber(file).map_err(|fault| fault.error)?;
    Ok(())
}

/// The tables' lines out of a file into a folder, each checked against the manifest.
fn unpack(file: &Path, dir: &Path) -> Result<Manifest> {
    let opened = File::open(file).map_err(|fault| unreadable(file, &fault))?;
    let mut archive = tar::Archive::new(GzDecoder::new(BufReader::new(opened)));
    let damaged = |fault: &dyn std::fmt::Display| refused(file, format!("is not a whole backup ({fault}); use another one"));
    let mut entries = archive.entries().map_err(|fault| damaged(&fault))?;
    let first = entries.next().ok_or_else(|| damaged(&"it is empty"))?.map_err(|fault| damaged(&fault))?;
    let mut text = String::new();
    first.take(1_000_000).read_to_string(&mut text).map_err(|fault| damaged(&fault))?;
    let manifest: Manifest = serde_json::from_str(&text).map_err(|fault| damaged(&fault))?;
    if manifest.format != FORMAT {
        return Err(damaged(&format!("its format is {}", manifest.format)));
    }
    let mut missing: Vec<&Copied> = manifest.tables.iter().collect();
    for entry in entries {
        let mut entry = entry.map_err(|fault| damaged(&fault))?;
        let name = entry.path().map_err(|fault| damaged(&fault))?.to_string_lossy().into_owned();
        // Only names that the manifest has are written, so none leads out of the folder.
        let Some(at) = missing.iter().position(|copied| format!("{}.jsonl", copied.table) == name) else { continue };
        let copied = missing.swap_remove(at);
        let hash = unpack_table(&mut entry, &dir.join(&name)).map_err(|fault| damaged(&fault))?;
        if hash != copied.sha256 {
            return Err(damaged(&format!("the checksum of the table {} is wrong", copied.table)));
        }
    }
    match missing.first() {
        Some(copied) => Err(damaged(&format!("the table {} is missing", copied.table))),
        None => Ok(manifest),
    }
}

fn unpack_table(entry: &mut impl Read, path: &Path) -> std::io::Result<String> {
    let mut out = BufWriter::new(File::create(path)?);
    let (mut hash, mut buffer) = (Sha256::new(), [0; 8192]);
    loop {
        let read = entry.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        hash.update(&buffer[..read]);
        out.write_all(&buffer[..read])?;
    }
    out.flush()?;
    Ok(hex::encode(hash.finalize()))
}

fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn refused(file: &Path, reason: String) -> Error {
    Error::Copy { path: file.to_owned(), reason }
}

fn unwritable(file: &Path, fault: &std::io::Error) -> Error {
    match fault.kind() {
        std::io::ErrorKind::AlreadyExists => refused(file, "exists already; name another file, or remove it first".into()),
        std::io::ErrorKind::StorageFull => Error::Full,
        _ => refused(file, format!("cannot be written ({fault})")),
    }
}

fn unreadable(file: &Path, fault: &std::io::Error) -> Error {
    refused(file, format!("cannot be read ({fault})"))
}
