//! Assertions about SQL: whether an output is some, for which database, and which tables it touches.

use super::{Ask, Finding, only_keys};
use regex::{Regex, RegexBuilder};
use serde_json::Value;
use sqlparser::ast::{Statement, visit_relations};
use sqlparser::dialect::{
    BigQueryDialect, Dialect, HiveDialect, MsSqlDialect, MySqlDialect, PostgreSqlDialect, RedshiftSqlDialect, SQLiteDialect,
    SnowflakeDialect,
};
use sqlparser::parser::Parser;
use std::ops::ControlFlow;

pub(super) fn is_sql(ask: &Ask<'_>) -> Result<Finding, String> {
    judge(ask.text, ask.value)
}

/// SQL in one of the fenced blocks, or the whole output when there is none.
pub(super) fn contains_sql(ask: &Ask<'_>) -> Result<Finding, String> {
    let mut blocks = blocks(ask.text);
    if blocks.is_empty() {
        blocks.push(ask.text.to_owned());
    }
    let mut last = Finding::plain(false, "Output does not contain valid SQL");
    for block in blocks.iter().filter(|block| !block.trim().is_empty()) {
        last = judge(block, ask.value)?;
        if last.holds {
            break;
        }
    }
    Ok(last)
}

/// What stands in fenced blocks that name no language, or SQL.
fn blocks(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut open: Option<(&str, bool, Vec<&str>)> = None;
    for line in text.lines() {
        let inner = line.trim_start_matches([' ', '\t']);
        let mark = if inner.starts_with("~~~") { '~' } else { '`' };
        let length = inner.chars().take_while(|c| *c == mark).count();
        let fence = (length >= 3 && line.len() - inner.len() <= 3).then(|| inner.split_at(length));
        match (&mut open, fence) {
            (None, Some((fence, language))) => {
                let language = language.trim().to_lowercase();
                open = Some((fence, matches!(language.as_str(), "" | "sql"), Vec::new()));
            }
            (Some((begun, is_sql, lines)), Some((fence, behind))) if behind.trim().is_empty() && fence.starts_with(*begun) => {
                if *is_sql {
                    found.push(lines.join("\n").trim().to_owned());
                }
                open = None;
            }
            (Some((_, _, lines)), _) => lines.push(line),
            (None, None) => {}
        }
    }
    found
}

/// What a parser would let pass and promptfoo does not: an odd number of backticks, and two names in a row where a comma is missing.
fn suspicious(text: &str, database: &str) -> bool {
    let names = Regex::new(r"(?i)\bselect\s+((?:[a-z_][a-z0-9_]*\s+)+)from\b").ok();
    let modifiers: &[&str] = if matches!(database, "MySQL" | "MariaDB") {
        &[
            "all",
            "distinct",
            "distinctrow",
            "high_priority",
            "straight_join",
            "sql_big_result",
            "sql_buffer_result",
            "sql_cache",
            "sql_calc_found_rows",
            "sql_no_cache",
            "sql_small_result",
        ]
    } else {
        &["all", "distinct"]
    };
    let words = |list: &str| list.split_whitespace().skip_while(|w| modifiers.contains(&w.to_lowercase().as_str())).count();
    let bare = without_texts(text);
    text.matches('`').count() % 2 == 1
        || (database == "MySQL" && text.to_lowercase().contains("generate_series("))
        || names.is_some_and(|n| n.captures_iter(&bare).any(|found| words(&found[1]) == 2))
}

/// A statement without its quoted texts and comments.
fn without_texts(text: &str) -> String {
    let quoted = Regex::new(r#"(?s)'(?:\\.|''|[^'\\])*'|"(?:\\.|""|[^"\\])*"|`[^`]*`|/\*.*?\*/|--[^\n]*|#[^\n]*"#);
    quoted.map_or_else(|_| text.to_owned(), |q| q.replace_all(text, " ? ").into_owned())
}

fn judge(text: &str, value: &Value) -> Result<Finding, String> {
    let settings = match value {
        nothing if crate::values::is_nothing(nothing) => None,
        Value::Object(map) => Some(map),
        other => return Err(format!("needs a map as \"value\" (databaseType, allowedTables), not {other}")),
    };
    only_keys(value, &["databaseType", "allowedTables", "allowedColumns"])?;
    let get = |key: &str| settings.and_then(|map| map.get(key));
    if get("allowedColumns").is_some() {
        return Err("\"allowedColumns\" is not supported; use allowedTables".into());
    }
    let database = match get("databaseType") {
        None | Some(Value::Null) => "MySQL",
        Some(name) => name.as_str().ok_or_else(|| format!("\"databaseType\" is the name of a database, not {name}"))?,
    };
    if suspicious(text.trim(), database) {
        return Ok(Finding::plain(false, format!("SQL statement does not conform to the {database} syntax")));
    }
    let statements = match Parser::parse_sql(dialect(database)?.as_ref(), text) {
        Ok(statements) if !statements.is_empty() => statements,
        Ok(_) => return Ok(Finding::plain(false, "The output is empty, not SQL")),
        Err(e) => return Ok(Finding::plain(false, format!("SQL statement does not conform to the {database} syntax: {e}"))),
    };
    match get("allowedTables") {
        None => Ok(Finding::plain(true, format!("The output is valid {database} SQL"))),
        Some(Value::Array(allowed)) => tables(&statements, allowed),
        Some(other) => Err(format!("\"allowedTables\" is a list of patterns such as select::null::orders, not {other}")),
    }
}

fn dialect(name: &str) -> Result<Box<dyn Dialect>, String> {
    Ok(match name.to_lowercase().as_str() {
        "mysql" | "mariadb" => Box::new(MySqlDialect {}),
        "postgresql" | "postgres" => Box::new(PostgreSqlDialect {}),
        "sqlite" => Box::new(SQLiteDialect {}),
        "bigquery" => Box::new(BigQueryDialect),
        "snowflake" => Box::new(SnowflakeDialect),
        "redshift" => Box::new(RedshiftSqlDialect {}),
        "hive" => Box::new(HiveDialect {}),
        "transactsql" | "mssql" => Box::new(MsSqlDialect {}),
        _ => {
            return Err(format!(
                "databaseType \"{name}\" is not supported; there are MySQL, PostgreSQL, SQLite, BigQuery, Snowflake, Redshift, Hive, TransactSQL"
            ));
        }
    })
}

fn tables(statements: &[Statement], allowed: &[Value]) -> Result<Finding, String> {
    let mut patterns = Vec::new();
    for pattern in allowed {
        let text = pattern.as_str().ok_or_else(|| format!("{pattern} is no pattern of a table"))?;
        let built = RegexBuilder::new(&format!("^(?:{text})$")).case_insensitive(true).build();
        patterns.push(built.map_err(|e| format!("the pattern \"{text}\" of a table cannot be used: {e}"))?);
    }
    for statement in statements {
        let verb = verb(statement);
        let mut refused = None;
        let _ = visit_relations(statement, |relation| {
            let parts: Vec<String> = relation.0.iter().map(|p| p.to_string().trim_matches(['`', '"', '[', ']']).to_owned()).collect();
            let (database, table) = match parts.as_slice() {
                [.., database, table] => (database.as_str(), table.as_str()),
                [table] => ("null", table.as_str()),
                [] => return ControlFlow::Continue(()),
            };
            let name = format!("{verb}::{database}::{table}");
            if patterns.iter().any(|p| p.is_match(&name)) {
                return ControlFlow::Continue(());
            }
            refused = Some(name);
            ControlFlow::Break(())
        });
        if let Some(name) = refused {
            return Ok(Finding::plain(false, format!("SQL touches {name}, which allowedTables does not allow")));
        }
    }
    Ok(Finding::plain(true, "SQL touches allowed tables only"))
}

fn verb(statement: &Statement) -> String {
    statement.to_string().split_whitespace().next().map_or_else(String::new, |verb| match verb.to_lowercase().as_str() {
        "with" | "(select" => "select".to_owned(),
        verb => verb.to_owned(),
    })
}
