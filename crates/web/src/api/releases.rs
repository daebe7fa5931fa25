//! Releases and environments, for the team's programs: what is served, deployments through the gate, and the way back.

use crate::Shared;
use crate::api::refusals::{Always, BadBody, Conflicting, Elsewhere, Unknown};
use crate::error::Problem;
use crate::fields::{Fields, Read, unless_faulty};
use crate::requests::Asked;
use crate::visitors::Visitor;
use app::releases::{self, Back, Overview};
use app::{App, Chosen};
use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use domain::faults::{Fault, Faults};
use domain::releases as rules;
use domain::roles::Environment;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

pub(crate) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(deploy)).routes(routes!(roll_back))
}

/// Releases, and where environments point.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Releases {
    /// Staging first.
    environments: Vec<Served>,
    /// Highest first.
    items: Vec<Release>,
    /// The version that the answering process serves whatever is deployed, because `PROMPT_VERSION` says so.
    pinned: Option<String>,
    /// The release that production was taken back from and that staging still serves: take staging back too, or stage the one that mends it.
    left_in_staging: Option<String>,
    /// Whether the files in use are not what they were when they were deployed.
    differs: bool,
    /// Releases that the answering process cannot read, with why.
    unreadable: Vec<Unreadable>,
    /// Why the answering process does not serve what it should; `null` where it does.
    trouble: Option<String>,
}

/// A release that cannot be read.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Unreadable {
    version: String,
    reason: String,
}

/// What an environment serves.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Served {
    /// `staging` or `production`.
    environment: &'static str,
    version: String,
    /// `null` where nothing was deployed yet.
    deployment: Option<Deployment>,
}

/// A release.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Release {
    version: String,
    /// The proposal it was made from; `null` where it came with the files.
    proposal: Option<Uuid>,
    released_at: Option<DateTime<Utc>>,
}

/// A release that an environment was pointed at.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Deployment {
    id: Uuid,
    environment: &'static str,
    version: String,
    previous: String,
    /// `deploy`, `override` or `rollback`.
    kind: &'static str,
    /// Who did it; `null` for the command line.
    by: Option<Uuid>,
    at: DateTime<Utc>,
    /// The eval it passed its gate with.
    eval: Option<Uuid>,
    reason: Option<String>,
}

impl From<rules::Deployment> for Deployment {
    fn from(kept: rules::Deployment) -> Self {
        Self {
            id: kept.id.0,
            environment: kept.environment.key(),
            version: kept.version.to_string(),
            previous: kept.previous.to_string(),
            kind: kept.kind.key(),
            by: kept.by.account().map(|owner| owner.0),
            at: kept.at,
            eval: kept.eval.map(|eval| eval.0),
            reason: kept.reason,
        }
    }
}

/// What is deployed where.
#[derive(Debug, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Deploy)]
pub(crate) struct Deploy {
    version: String,
    /// `staging` or `production`.
    #[schema(value_type = String)]
    environment: Environment,
    /// Why the gate is set aside, by a tech lead; 10 to 500 characters, kept in the audit log.
    override_reason: Option<String>,
}

/// What is taken back.
#[derive(Debug, ToSchema)]
#[schema(as = Rollback)]
pub(crate) struct Rollback {
    /// `staging` or `production`.
    #[schema(value_type = String)]
    environment: Environment,
    /// The release that is to be left. When it has been left already nothing is done, so that a request may be sent again.
    from: String,
    /// A release it had before; the one before the last, if not given.
    version: Option<String>,
    /// 10 to 500 characters.
    reason: String,
}

fn environment(fields: &mut Fields) -> Result<Environment, Fault> {
    let text = fields.text("environment").unwrap_or_default();
    Environment::from_key(&text).ok_or_else(|| Fault::new("environment", "must be staging or production"))
}

impl Read for Deploy {
    fn read(mut fields: Fields) -> Result<Self, Faults> {
        let (version, place) = (fields.text("version").unwrap_or_default(), environment(&mut fields));
        let override_reason = fields.text("overrideReason");
        let mut faults = fields.all_faults();
        match place {
            Ok(environment) => unless_faulty(Self { version, environment, override_reason }, faults),
            Err(fault) => {
                faults.0.push(fault);
                Err(faults)
            }
        }
    }
}

impl Read for Rollback {
    fn read(mut fields: Fields) -> Result<Self, Faults> {
        let (version, place) = (fields.text("version"), environment(&mut fields));
        let from = fields.text("from").unwrap_or_default();
        let reason = fields.text("reason").unwrap_or_default();
        let mut faults = fields.all_faults();
        match place {
            Ok(environment) => unless_faulty(Self { environment, from, version, reason }, faults),
            Err(fault) => {
                faults.0.push(fault);
                Err(faults)
            }
        }
    }
}

/// List releases and what environments serve
///
/// For whoever may view prompts; a token needs the scope `staff`.
#[utoipa::path(get, path = "/api/v1/releases", operation_id = "listReleases", tag = "Team",
    responses((status = 200, description = "All of them.", body = Releases), Unknown, Elsewhere, Always))]
async fn list(State(app): State<App>, visitor: Visitor) -> Result<Json<Releases>, Problem> {
    let Overview { environments, releases, serving: (_, serving, chosen), left_in_staging, differs, left_out, trouble } =
        releases::overview(&app, &visitor.caller).await?;
    let served = |standing: releases::Standing| Served {
        environment: standing.environment.key(),
        version: standing.version.to_string(),
        deployment: standing.deployment.map(Deployment::from),
    };
    let release = |(version, made): (_, Option<rules::Released>)| Release {
        version: ToString::to_string(&version),
        proposal: made.as_ref().map(|made| made.proposal.0),
        released_at: made.map(|made| made.at),
    };
    Ok(Json(Releases {
        environments: environments.into_iter().map(served).collect(),
        items: releases.into_iter().map(release).collect(),
        pinned: (chosen == Chosen::Pinned).then(|| serving.to_string()),
        left_in_staging: left_in_staging.map(|version| version.to_string()),
        differs,
        unreadable: left_out.into_iter().map(|one| Unreadable { version: one.version.to_string(), reason: one.why }).collect(),
        trouble,
    }))
}

/// Deploy a release
///
/// Through its gate: where that is shut, `detail` says every reason, and a tech lead may set it aside with one of their own. Who may is
/// said by the role; a token needs the scope `staff`.
#[utoipa::path(post, path = "/api/v1/releases/deploy", operation_id = "deployRelease", tag = "Team", request_body = Deploy,
    params(("Idempotency-Key" = Option<String>, Header, description = "Sent again with the same key and body, the request answers with the deployment it made the first time.")),
    responses((status = 200, description = "The deployment, which holds in every process at once.", body = Deployment), BadBody, Conflicting,
        Unknown, Elsewhere, Always))]
async fn deploy(State(app): State<App>, visitor: Visitor, Asked { what, key }: Asked<Deploy>) -> Result<Json<Deployment>, Problem> {
    let version = releases::version(&what.version)?;
    let set_aside = what.override_reason.as_deref();
    let done = releases::deploy_once(&app, &visitor.caller, (&version, what.environment), set_aside, key.as_ref()).await?;
    Ok(Json(done.into()))
}

/// Take an environment back
///
/// To a release it had before, as it had it, at once and in every process. There is no gate: it was there before. Sent again without an
/// `Idempotency-Key`, it is refused with 409: what is to be left was left.
#[utoipa::path(post, path = "/api/v1/releases/rollback", operation_id = "rollBackRelease", tag = "Team", request_body = Rollback,
    params(("Idempotency-Key" = Option<String>, Header, description = "Sent again with the same key and body, the request answers with the deployment it made the first time.")),
    responses((status = 200, description = "The deployment that took it back.", body = Deployment), BadBody, Conflicting, Unknown, Elsewhere,
        Always))]
async fn roll_back(State(app): State<App>, visitor: Visitor, Asked { what, key }: Asked<Rollback>) -> Result<Json<Deployment>, Problem> {
    let to = what.version.as_deref().map(releases::version).transpose()?;
    let unnamed = |_| app::Error::from(Faults::from(Fault::new("from", "must be the version that is to be left")));
    let from = releases::version(&what.from).map_err(unnamed)?;
    let back = Back { from: Some(from), to };
    let done = releases::roll_back_once(&app, &visitor.caller, (what.environment, &back), &what.reason, key.as_ref()).await?;
    Ok(Json(done.into()))
}
