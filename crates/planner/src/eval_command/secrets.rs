//! Values that must stand neither on a recording nor in results: those whose names say so, in the environment and in the config.

use super::suite::Suite;
use planner::config::Config;
use serde_json::Value;
use std::collections::BTreeMap;

const TELLING: [&str; 13] = [
    "KEY",
    "TOKEN",
    "SECRET",
    "PASSWORD",
    "PASSWD",
    "CREDENTIAL",
    "AUTH",
    "COOKIE",
    "SESSION",
    "SIGNATURE",
    "DATABASE_URL",
    "REDIS_URL",
    "SMTP_URL",
];

fn tells(name: &str) -> bool {
    TELLING.iter().any(|part| name.to_uppercase().contains(part))
}

/// Every such value.
pub(super) fn secrets(config: &Config, suite: &Suite, env: &BTreeMap<String, String>) -> Vec<String> {
    let mut secrets: Vec<String> = env.iter().filter(|(name, _)| tells(name)).map(|(_, value)| value.clone()).collect();
    secrets.extend(suite.config.env.iter().filter(|(name, _)| tells(name)).filter_map(|(_, value)| value.as_str().map(str::to_owned)));
    secrets.extend(config.keys.known());
    for provider in &suite.config.providers {
        in_address(&provider.id, &mut secrets);
        collect(&provider.config, &mut secrets);
        collect(&provider.env, &mut secrets);
    }
    judges(&suite.config.raw, &mut secrets);
    secrets
}

/// What is set for the judges of tests and assertions.
fn judges(value: &Value, secrets: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                if name == "provider" { collect(value, secrets) } else { judges(value, secrets) }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| judges(item, secrets)),
        _ => {}
    }
}

fn collect(value: &Value, secrets: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(text) if tells(name) && !text.contains("{{") => {
                        secrets.push(text.clone());
                        // Of `Bearer abc` the last word is the secret.
                        secrets.extend(text.split_whitespace().last().filter(|last| last != text).map(str::to_owned));
                    }
                    inner => collect(inner, secrets),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, secrets)),
        Value::String(text) => in_address(text, secrets),
        _ => {}
    }
}

/// The password of `https://name:password@host`.
fn in_address(text: &str, secrets: &mut Vec<String>) {
    let host = text.split_once("://").and_then(|(_, rest)| rest.split(['/', '?', '#']).next());
    let password = host.and_then(|host| host.rsplit_once('@')).and_then(|(who, _)| who.split_once(':'));
    secrets.extend(password.map(|(_, password)| password.to_owned()).filter(|password| !password.contains("{{")));
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn keys_are_found_wherever_a_config_sets_them() {
        let mut found = Vec::new();
        collect(
            &json!({"apiKey": "k-1", "url": "https://ana:pa55@host/x", "headers": [{"authorization": "Bearer b-2"}], "body": "b"}),
            &mut found,
        );
        judges(&json!({"tests": [{"vars": {"keyword": "boots"}, "assert": [{"provider": {"config": {"apiKey": "k-3"}}}]}]}), &mut found);
        assert_eq!(found, ["k-1", "pa55", "Bearer b-2", "b-2", "k-3"]);
    }
}
