//! What a config says of the command line: `outputPath` and `commandLineOptions`. The command line itself counts for more.

use super::{RunArgs, pair, range};
use anyhow::{Result, anyhow, bail};
use serde_json::{Map, Value};
use std::path::PathBuf;

/// Options of promptfoo that change nothing here: there is no cache, no database of results, no sharing.
const WITHOUT_EFFECT: [&str; 6] = ["cache", "write", "share", "verbose", "tableCellMaxLength", "generateSuggestions"];
const KNOWN: &str = "maxConcurrency, repeat, delay, filterFirstN, filterSample, filterRange, filterPattern, filterProviders, filterTargets, \
                     filterFailing, filterErrorsOnly, filterMetadata, grader, table and progressBar";

/// The arguments with what the config says beside them; what it says and nobody understands is an error.
pub(super) fn with_config(mut args: RunArgs, config: &Value) -> Result<RunArgs> {
    if args.output.is_empty() {
        args.output = texts("outputPath", config.get("outputPath"))?.into_iter().map(PathBuf::from).collect();
    }
    let none = Map::new();
    let options = match config.get("commandLineOptions") {
        None | Some(Value::Null) => &none,
        Some(Value::Object(options)) => options,
        Some(other) => bail!("commandLineOptions is a map of options, not {other}"),
    };
    for (name, value) in options.iter().filter(|(name, _)| !WITHOUT_EFFECT.contains(&name.as_str())) {
        set(&mut args, name, value)?;
    }
    Ok(args)
}

fn set(args: &mut RunArgs, name: &str, value: &Value) -> Result<()> {
    let key = format!("commandLineOptions.{name}");
    let count = || value.as_u64().and_then(|n| usize::try_from(n).ok()).ok_or_else(|| anyhow!("{key} is a whole number, not {value}"));
    let text = || value.as_str().map(str::to_owned).ok_or_else(|| anyhow!("{key} is a text, not {value}"));
    let flag = || value.as_bool().ok_or_else(|| anyhow!("{key} is true or false, not {value}"));
    let filters = &mut args.filters;
    match name {
        "maxConcurrency" => args.max_concurrency = args.max_concurrency.or(Some(count()?)),
        "repeat" => args.repeat = args.repeat.or(Some(count()?)),
        "delay" => args.delay = args.delay.or(Some(count()? as u64)),
        "filterFirstN" => filters.filter_first_n = filters.filter_first_n.or(Some(count()?)),
        "filterSample" => filters.filter_sample = filters.filter_sample.or(Some(count()?)),
        "filterRange" => filters.filter_range = filters.filter_range.or(Some(range(&text()?).map_err(|why| anyhow!("{key}: {why}"))?)),
        "filterPattern" => filters.filter_pattern = filters.filter_pattern.take().or(Some(text()?)),
        "filterProviders" | "filterTargets" => filters.filter_providers = filters.filter_providers.take().or(Some(text()?)),
        "filterFailing" => filters.filter_failing = filters.filter_failing.take().or(Some(text()?.into())),
        "filterErrorsOnly" => filters.filter_errors_only = filters.filter_errors_only.take().or(Some(text()?.into())),
        "filterMetadata" if filters.filter_metadata.is_empty() => {
            let pairs = texts(&key, Some(value))?;
            filters.filter_metadata = pairs.iter().map(|one| pair(one).map_err(|why| anyhow!("{key}: {why}"))).collect::<Result<_>>()?;
        }
        "filterMetadata" => {}
        "grader" => args.grader = args.grader.take().or(Some(text()?)),
        "table" => args.no_table |= !flag()?,
        "progressBar" => args.no_progress_bar |= !flag()?,
        _ => bail!("{key} is not supported; there are {KNOWN}"),
    }
    Ok(())
}

/// One text, or a list of them.
fn texts(key: &str, value: Option<&Value>) -> Result<Vec<String>> {
    let wrong = |value: &Value| anyhow!("{key} is a text or a list of texts, not {value}");
    match value {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::String(text)) => Ok(vec![text.clone()]),
        Some(Value::Array(items)) => items.iter().map(|item| item.as_str().map(str::to_owned).ok_or_else(|| wrong(item))).collect(),
        Some(other) => Err(wrong(other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_config_says_what_the_command_line_does_not() {
        let config =
            json!({"outputPath": "r.json", "commandLineOptions": {"repeat": 3, "filterPattern": "x", "cache": false, "table": false}});
        let args = with_config(RunArgs::default(), &config).expect("understood");
        assert_eq!((args.output, args.repeat, args.no_table), (vec![PathBuf::from("r.json")], Some(3), true));
        assert_eq!(args.filters.filter_pattern.as_deref(), Some("x"));
        let given = RunArgs { repeat: Some(1), output: vec!["o.csv".into()], ..RunArgs::default() };
        let args = with_config(given, &config).expect("understood");
        assert_eq!((args.output, args.repeat), (vec![PathBuf::from("o.csv")], Some(1)));
        for (config, said) in [
            (json!({"commandLineOptions": {"repeet": 3}}), "commandLineOptions.repeet is not supported"),
            (json!({"commandLineOptions": {"repeat": "3"}}), "is a whole number"),
            (json!({"commandLineOptions": 3}), "is a map"),
            (json!({"outputPath": 5}), "outputPath is a text"),
        ] {
            assert!(with_config(RunArgs::default(), &config).err().expect(said).to_string().contains(said), "{said}");
        }
    }
}
