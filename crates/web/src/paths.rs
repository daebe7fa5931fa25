//! The addresses of pages, in one place.

use domain::ids::VentureId;

pub(crate) fn venture(id: VentureId) -> String {
    format!("/ventures/{id}")
}
