//! Controls and books, for tests and for people who try things out. Not part of the simulated API.

use actix_web::{
    HttpResponse,
    web::{Data, Json},
};
use serde_json::json;

use super::error::ApiError;
use crate::{
    behaviour::{BehaviourChange, InvalidBehaviour},
    simulator::Simulator,
};

/// `GET /simulation`: the behaviour.
pub(super) async fn show(simulator: Data<Simulator>) -> HttpResponse {
    HttpResponse::Ok().json(&*simulator.behaviour())
}

/// `PUT /simulation`: changes the fields that are given, begins counting the faults for everyone anew, and answers with the
/// behaviour.
pub(super) async fn change(change: Json<BehaviourChange>, simulator: Data<Simulator>) -> Result<HttpResponse, ApiError> {
    let behaviour = simulator.change(change.into_inner()).map_err(|error| match error {
        InvalidBehaviour::Seconds { field } => ApiError::invalid(field, error),
        InvalidBehaviour::Directives(error) => ApiError::invalid("directives", error),
    })?;
    Ok(HttpResponse::Ok().json(&*behaviour))
}

/// `GET /simulation/submissions`: every accepted submission, and totals.
pub(super) async fn submissions(simulator: Data<Simulator>) -> HttpResponse {
    let store = simulator.store();
    HttpResponse::Ok().json(json!({
        "submissions": store.submissions(),
        "totals": store.totals(),
    }))
}

/// `GET /simulation/totals`: the totals alone, for whoever counts often.
pub(super) async fn totals(simulator: Data<Simulator>) -> HttpResponse {
    HttpResponse::Ok().json(simulator.store().totals())
}

/// `DELETE /simulation/submissions`: empties the books; the videos stay.
pub(super) async fn reset(simulator: Data<Simulator>) -> HttpResponse {
    simulator.store().reset_books();
    HttpResponse::NoContent().finish()
}
