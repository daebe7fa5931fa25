//! The addresses of pages and assets, in one place.

use crate::assets;
use domain::ids::VentureId;

pub(crate) fn venture(id: VentureId) -> String {
    format!("/ventures/{id}")
}

/// An asset's address changes with its content, so browsers may keep it for good.
pub(crate) fn asset(name: &str) -> String {
    assets::hash(name).map_or_else(|| format!("/assets/{name}"), |hash| format!("/assets/{hash}/{name}"))
}
