//! What sections mean, as vectors of 384 numbers, and which are nearest to a question. Each owner searches their own.

use crate::columns::read_name;
use crate::dialect;
use crate::errors::{Cause, Error, Result};
use crate::tenants::TenantTx;
use domain::ids::VentureId;
use domain::sections::SectionName;
use sea_orm::prelude::Uuid;
use sea_orm::sea_query::{Expr, ExprTrait, OnConflict, Order, Query};
use sea_orm::{ConnectionTrait, QueryResult};

/// Numbers of a vector.
pub const DIMENSIONS: usize = 384;

/// A section near to a question.
#[derive(Debug, Clone, PartialEq)]
pub struct Near {
    /// The venture it is in.
    pub venture: VentureId,
    /// The section.
    pub section: SectionName,
    /// Cosine distance, 0 for the same meaning to 2 for the opposite.
    pub distance: f64,
}

impl TenantTx {
    /// Keeps what a section of a venture of this owner means, as this model sees it. [`Error::Conflict`] for a venture of somebody else.
    pub async fn put_embedding(&self, venture: VentureId, section: &SectionName, model: &str, vector: &[f32; DIMENSIONS]) -> Result<()> {
        let tx = self.writing()?;
        let vector = dialect::vector(tx, vector);
        let replace = OnConflict::columns(["venture_id", "section"])
            .update_columns(["model", "embedding"])
            // The condition is the wall, as for sections.
            .action_and_where(Expr::col(("embeddings", "owner_id")).eq(self.owner()))
            .to_owned();
        let insert = Query::insert()
            .into_table("embeddings")
            .columns(["venture_id", "section", "owner_id", "model", "embedding"])
            .values_panic([venture.0.into(), section.as_str().into(), self.owner().into(), model.into(), vector])
            .on_conflict(replace)
            .to_owned();
        if tx.execute(&insert).await?.rows_affected() == 0 { Err(Error::Conflict) } else { Ok(()) }
    }

    /// The owner's sections nearest in meaning, as this model sees it, nearest first.
    pub async fn nearest(&self, model: &str, question: &[f32; DIMENSIONS], limit: u64) -> Result<Vec<Near>> {
        let tx = self.reading();
        let asked = Query::select()
            .columns(["venture_id", "section"])
            .expr_as(dialect::distance(tx, question), "distance")
            .from("embeddings")
            .and_where(Expr::col("owner_id").eq(self.owner()))
            .and_where(Expr::col("model").eq(model))
            .order_by("distance", Order::Asc)
            .limit(limit)
            .to_owned();
        tx.query_all(&asked).await?.iter().map(read).collect()
    }
}

fn read(row: &QueryResult) -> Result<Near> {
    let venture: Uuid = row.try_get("", "venture_id")?;
    let section: String = row.try_get("", "section")?;
    let section = read_name(&section).map_err(Error::corrupt::<Cause>("embeddings", venture))?;
    Ok(Near { venture: VentureId(venture), section, distance: row.try_get("", "distance")? })
}
