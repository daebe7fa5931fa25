//! Fails when a public function of the store is not named in this suite.

use regex::Regex;
use std::collections::BTreeSet;
use std::path::Path;

fn sources(folder: &str) -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let files = std::fs::read_dir(&folder).expect("the sources").map(|file| file.expect("a file").path());
    files
        .filter(|path| path.extension().is_some_and(|ext| ext == "rs"))
        .map(|path| (path.file_name().unwrap_or_default().to_string_lossy().into_owned(), std::fs::read_to_string(&path).expect("text")))
        .collect()
}

fn public_functions() -> BTreeSet<String> {
    let block = Regex::new(r"(?ms)^impl (?:Store|TenantTx) \{$(.*?)^\}$").expect("a pattern");
    let function = Regex::new(r"(?m)^    pub (?:const |async )*fn (\w+)").expect("a pattern");
    sources("src")
        .iter()
        .flat_map(|(_, text)| block.captures_iter(text).map(|found| found[1].to_owned()).collect::<Vec<_>>())
        .flat_map(|body| function.captures_iter(&body).map(|found| found[1].to_owned()).collect::<Vec<_>>())
        .collect()
}

#[test]
fn every_public_function_has_a_contract() {
    let functions = public_functions();
    assert!(functions.contains("open") && functions.contains("current_sections"), "the search finds nothing: {functions:?}");
    let suite: String = sources("tests/contract").into_iter().filter(|(file, _)| file != "names.rs").map(|(_, text)| text).collect();
    let missing: Vec<_> =
        functions.iter().filter(|name| !suite.contains(&format!(".{name}(")) && !suite.contains(&format!("::{name}("))).collect();
    assert!(missing.is_empty(), "add a contract to tests/contract for {missing:?}");
}
