//! `planner serve`: pages and functions until told to stop.

use anyhow::{Context as _, Result};
use clap::{Parser, ValueEnum};
use planner::config::Config;
use planner::wire;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How long connections may stay open after all work is settled.
const LAST_ANSWERS: Duration = Duration::from_secs(3);

#[derive(Parser)]
pub(crate) struct Args {
    /// Address to listen on.
    #[arg(long)]
    host: Option<String>,
    /// Port to listen on.
    #[arg(long)]
    port: Option<u16>,
    /// Where the database lives.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// What this process does: answer people, do jobs, or both.
    #[arg(long, value_enum, default_value_t = Role::All)]
    role: Role,
}

/// What a process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Role {
    /// Everything.
    All,
    /// Pages, functions and the API; another process has to do the jobs.
    Web,
    /// Jobs, and a health check.
    Worker,
}

pub(crate) async fn run(mut config: Config, args: Args) -> Result<ExitCode> {
    config.data.dir = args.data.unwrap_or(config.data.dir);
    config.server.host = args.host.unwrap_or(config.server.host);
    config.server.port = args.port.unwrap_or(config.server.port);
    let (host, port) = (config.server.host.clone(), config.server.port);
    let listener = tokio::net::TcpListener::bind((host.as_str(), port))
        .await
        .with_context(|| format!("cannot listen on {host}:{port}; is another program using the port? choose one with --port"))?;
    let address = listener.local_addr().context("the listening address cannot be read")?;
    // Links in mail have it in them.
    config.server.port = address.port();
    let app = wire::app(&config).await?;
    // The embedded model is loaded before the first visitor has to wait for it; a broken one is said now.
    app.ready().await.map_err(|reason| anyhow::anyhow!(reason))?;
    for warning in app.warnings() {
        tracing::warn!("{warning}");
    }
    app.begin_serving().await.context("which models this process serves with cannot be written down")?;
    app.follow();
    if args.role != Role::Web {
        app.start_workers(wire::workers(&config, &app));
    }
    let settings = web::Settings {
        generations_per_hour: config.server.generations_per_hour,
        plans_per_hour: config.server.plans_per_hour,
        secure: config.server.secure,
        trusted_proxies: config.server.trusted_proxies,
    };
    if args.role != Role::Worker
        && let Some(link) = app::accounts::first_lead_link(&app).await?
    {
        say(&format!("Nobody has an account yet. Become the first tech lead here (works once, for seven days): {link}"));
    }
    say(&format!("E-commerce Planner is ready: http://{address}"));
    let router = if args.role == Role::Worker { web::health_only(app.clone(), &settings) } else { web::router(app.clone(), &settings) };
    let stop = CancellationToken::new();
    let server = web::serve(listener, router, web::Patience::default(), stop.clone());
    tokio::pin!(server);
    tokio::select! {
        ended = &mut server => ended.context("the server stopped")?,
        () = stop_signal() => {
            tracing::info!("stopping: unfinished runs go on at the next start");
            stop.cancel();
            tokio::select! {
                ended = &mut server => { ended.context("the server stopped")?; app.shut_down().await; }
                // A page that waits for events keeps its connection; once all work is settled there is nothing left to tell it.
                () = async { app.shut_down().await; tokio::time::sleep(LAST_ANSWERS).await } => {}
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Says something on standard output; whoever started the server may have stopped listening.
fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

async fn stop_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let mut term = match signal(SignalKind::terminate()) {
        Ok(term) => term,
        Err(error) => {
            tracing::warn!(%error, "SIGTERM cannot be handled");
            return std::future::pending().await;
        }
    };
    tokio::select! {
        _ = term.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}
