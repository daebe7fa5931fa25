//! promptfoo's results, version 3.

use super::rows::Rows;
use crate::config::Config;
use crate::results::Summary;
use serde_json::{Value, json};
use std::io::{self, Write};

pub(super) fn write(rows: Rows, config: &Config, summary: &Summary, to: &mut dyn Write) -> io::Result<()> {
    let now = chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
    let prompts: Vec<Value> = summary.prompts.iter().map(crate::results::PromptMetrics::to_json).collect();
    let vars: Vec<&String> = rows.vars.iter().collect();
    let (id, vars) = (json!(format!("eval-{}", uuid::Uuid::now_v7())), json!(vars));
    write!(
        to,
        "{{\"evalId\":{id},\"results\":{{\"version\":3,\"timestamp\":{},\"prompts\":{},\"results\":[",
        json!(now),
        Value::Array(prompts)
    )?;
    for (at, line) in rows.lines_by_test().enumerate() {
        if at > 0 {
            to.write_all(b",")?;
        }
        to.write_all(line?.as_bytes())?;
    }
    let stats = json!({"successes": summary.passed, "failures": summary.failed, "errors": summary.errors,
                       "tokenUsage": summary.tokens.to_json(), "durationMs": summary.duration_ms,
                       "repeat": summary.repeat, "cells": summary.cells, "cellsPassedAlways": summary.passed_always});
    let metadata = json!({"exportedAt": now, "generator": concat!("evals ", env!("CARGO_PKG_VERSION"))});
    write!(to, "],\"stats\":{stats}}},\"config\":{},\"shareableUrl\":null,\"metadata\":{metadata},\"vars\":{vars}}}", config.raw)?;
    to.write_all(b"\n")
}
