//! The scripted upstream as a program, to run the planner against it: `cargo run -p testkit --bin upstream -- --port 9090`.

use clap::Parser;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;
use testkit::{Fault, Upstream};

/// Answers as Gemini, `OpenAI`, Anthropic and Ollama would, without a model.
#[derive(Parser)]
struct Arguments {
    /// Port on the loopback address; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Milliseconds until an answer begins.
    #[arg(long, default_value_t = 0)]
    latency_ms: u64,
    /// Share of calls that fail, from 0 to 1.
    #[arg(long, default_value_t = 0.0, value_parser = share)]
    fail_rate: f64,
}

fn share(text: &str) -> Result<f64, String> {
    let share: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if (0.0..=1.0).contains(&share) { Ok(share) } else { Err("must be between 0 and 1".to_owned()) }
}

/// One of the faults a provider has on a bad day.
fn bad_day() -> Fault {
    match rand::random_range(0..4) {
        0 => Fault::Status { code: 429, retry_after: Some(1) },
        1 => Fault::CutStream,
        2 => Fault::WrongSchema,
        _ => Fault::Status { code: 503, retry_after: None },
    }
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let arguments = Arguments::parse();
    let upstream = Upstream::listen(SocketAddr::from((Ipv4Addr::LOCALHOST, arguments.port))).await?;
    upstream.latency(Duration::from_millis(arguments.latency_ms));
    if arguments.fail_rate > 0.0 {
        upstream.when(move |_| rand::random_bool(arguments.fail_rate).then(bad_day));
    }
    let url = upstream.url();
    println!("{url}");
    println!("Point the planner at it with one of:");
    println!("  GEMINI_BASE_URL={url} GEMINI_API_KEY=test");
    println!("  OPENAI_BASE_URL={url}/v1 OPENAI_API_KEY=test");
    println!("  ANTHROPIC_BASE_URL={url} ANTHROPIC_API_KEY=test");
    println!("  OLLAMA_BASE_URL={url}");
    println!("Ctrl-C stops it.");
    tokio::signal::ctrl_c().await?;
    println!("{} calls, at most {} at a time.", upstream.calls().len(), upstream.max_in_flight());
    Ok(())
}
