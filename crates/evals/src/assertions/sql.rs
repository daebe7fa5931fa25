//! Assertions about SQL: whether an output is some, for which database, and which tables it touches.

use super::{Ask, Finding};
use regex::RegexBuilder;
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

/// The SQL in the first fenced block, or the whole output when there is none.
pub(super) fn contains_sql(ask: &Ask<'_>) -> Result<Finding, String> {
    let fenced = ask.text.split("```").nth(1).filter(|_| ask.text.matches("```").count() >= 2);
    let block = fenced.map(|block| block.strip_prefix("sql").or_else(|| block.strip_prefix("SQL")).unwrap_or(block));
    judge(block.unwrap_or(ask.text), ask.value)
}

fn judge(text: &str, value: &Value) -> Result<Finding, String> {
    let settings = match value {
        Value::Null => None,
        Value::Object(map) => Some(map),
        other => return Err(format!("needs a map as \"value\" (databaseType, allowedTables), not {other}")),
    };
    let get = |key: &str| settings.and_then(|map| map.get(key));
    if get("allowedColumns").is_some() {
        return Err("\"allowedColumns\" is not supported; use allowedTables".into());
    }
    let database = get("databaseType").and_then(Value::as_str).unwrap_or("MySQL");
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
